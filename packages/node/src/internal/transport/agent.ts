import * as Duration from "effect/Duration"
import * as Undici from "undici/index.js"
import { selectConnector } from "../connection/clientCertificate.js"
import type { Connector } from "../connection/connector.js"
import { buildConnector, destroyOnError } from "../connection/connector.js"
import type { Options } from "./options.js"
import { TrackedClient } from "./trackedClient.js"

/** The default values of `NodeTransport.Options`. */
export const defaults = {
  connectTimeout: "10 seconds",
  headersTimeout: "5 minutes",
  bodyTimeout: "5 minutes",
  keepAliveTimeout: "4 seconds",
  maxHeaderSize: 16 * 1024,
  pipelining: 1,
  allowH2: false
} as const

/** Maximum delay of a Node timer: longer timers fire at once. For undici, zero means no limit. */
const maxTimerMs = 2 ** 31 - 1

/** A duration in milliseconds for undici: 0 for an infinite duration, and at least 1 for any other. */
export const toMilliseconds = (duration: Duration.DurationInput): number =>
  Duration.isFinite(Duration.decode(duration))
    ? Math.max(1, Math.min(maxTimerMs, Math.ceil(Duration.toMillis(duration))))
    : 0

/** Makes the connector for origins, also for the origin behind a tunnel. */
export const makeConnector = (options: Options): Connector => {
  const { allowAddress, socketPath, tls } = options
  const connectorOptions = {
    timeout: toMilliseconds(options.connectTimeout ?? defaults.connectTimeout),
    allowH2: options.allowH2 ?? defaults.allowH2,
    socketPath,
    allowAddress
  }
  const trust = tls?.ca === undefined ? undefined : { ca: tls.ca }
  return destroyOnError(
    selectConnector(tls, buildConnector(connectorOptions, trust), (identity) =>
      buildConnector(connectorOptions, identity)
    )
  )
}

/** By default undici adopts longer times from a server's `Keep-Alive`. A time that the caller set is the maximum. */
const keepAliveOptions = ({ keepAliveTimeout }: Options): Undici.Agent.Options => {
  if (keepAliveTimeout === undefined) return { keepAliveTimeout: toMilliseconds(defaults.keepAliveTimeout) }
  const maxMs = toMilliseconds(keepAliveTimeout) || maxTimerMs
  return { keepAliveTimeout: maxMs, keepAliveMaxTimeout: maxMs }
}

type Factory = (origin: string | URL, options: object) => Undici.Dispatcher

/** Makes the factory of undici's pools. Their clients report the state of their sockets. */
const makeFactory = (connections: number | undefined, connect: Connector): Factory => {
  const makeClient: Factory = (origin, options) => new TrackedClient(origin, options, connect)
  return connections === 1
    ? makeClient
    : (origin, options) => new Undici.Pool(origin, { ...options, factory: makeClient })
}

/** Makes an HTTP/1.1 agent. `connect` opens its connections. */
export const makeAgent = (options: Options, connect: Connector): Undici.Agent => {
  const agent = new Undici.Agent({
    connect,
    factory: makeFactory(options.connections, connect),
    connections: options.connections ?? null,
    pipelining: options.pipelining ?? defaults.pipelining,
    allowH2: false,
    ...keepAliveOptions(options),
    maxHeaderSize: options.maxHeaderSize ?? defaults.maxHeaderSize
  })
  const { onConnect } = options
  if (onConnect !== undefined) agent.on("connect", (origin) => onConnect(origin.origin))
  return agent
}
