import * as Duration from "effect/Duration"
import * as Undici from "undici"
import type { Options } from "../NodeTransport.js"
import type { AllowAddress } from "./addresses.js"
import { guarded, literalProblem } from "./addresses.js"
import { identityOptions, selectConnector, trustOptions } from "./tlsIdentity.js"
import { TrackedClient } from "./trackedClient.js"

/** What `NodeTransport.Options` are when they are left out. */
export const defaults = {
  connectTimeout: "10 seconds",
  headersTimeout: "30 seconds",
  bodyTimeout: "30 seconds",
  keepAliveTimeout: "4 seconds",
  maxHeaderSize: 16 * 1024,
  pipelining: 1,
  allowH2: false
} as const

/** Longer than this a timer of Node fires at once. To undici, zero is "no bound". */
const longestTimer = 2 ** 31 - 1

/** A duration as undici wants it: in milliseconds, 0 where there is no bound, so that no time at all is 1. */
export const milliseconds = (duration: Duration.DurationInput): number =>
  Duration.isFinite(Duration.decode(duration))
    ? Math.max(1, Math.min(longestTimer, Math.ceil(Duration.toMillis(duration))))
    : 0

const defined = <A>(name: string, value: A | undefined): Record<string, A> =>
  value === undefined ? {} : { [name]: value }

/** How connections to origins are opened, a tunnel's second half included. */
export const makeConnector = (options: Options): Undici.buildConnector.connector => {
  const { allowAddress, tls } = options
  const trust = trustOptions(tls)
  const connect = selectConnector(tls, connectorWith(options, trust), (identity) =>
    connectorWith(options, { ...trust, ...identityOptions(identity) })
  )
  const allowed = allowAddress === undefined || options.socketPath !== undefined
  return endingOnError(allowed ? connect : refusing(connect, allowAddress))
}

const connectorWith = (options: Options, tls: object): Undici.buildConnector.connector => {
  const { allowAddress } = options
  return Undici.buildConnector({
    timeout: milliseconds(options.connectTimeout ?? defaults.connectTimeout),
    allowH2: options.allowH2 ?? defaults.allowH2,
    ...tls,
    ...defined("socketPath", options.socketPath),
    ...defined("lookup", allowAddress === undefined ? undefined : guarded(allowAddress))
  })
}

/** Node reports an invalid TLS record as an error, and leaves the socket open: nothing would end the exchange. */
const endingOnError =
  (connect: Undici.buildConnector.connector): Undici.buildConnector.connector =>
  (target, callback) =>
    connect(target, (...result) => {
      const [, socket] = result
      socket?.on("error", (error: Error) => socket.destroy(error))
      callback(...result)
    })

const refusing =
  (connect: Undici.buildConnector.connector, allow: AllowAddress): Undici.buildConnector.connector =>
  (target, callback) => {
    const problem = literalProblem(allow, target.hostname)
    if (problem === undefined) return connect(target, callback)
    // As with every other way to fail, not before the caller has what he called.
    queueMicrotask(() => callback(problem, null))
  }

/** undici takes longer times from a server's `Keep-Alive`: not where the caller has set one. */
const keepAlive = ({ keepAliveTimeout }: Options): Undici.Agent.Options => {
  if (keepAliveTimeout === undefined) return { keepAliveTimeout: milliseconds(defaults.keepAliveTimeout) }
  const most = milliseconds(keepAliveTimeout) || longestTimer
  return { keepAliveTimeout: most, keepAliveMaxTimeout: most }
}

type Factory = (origin: string | URL, options: object) => Undici.Dispatcher

/** Pools of clients whose sockets are known to their exchanges. */
const factories = (connections: number | undefined, connect: Undici.buildConnector.connector): Factory => {
  const makeClient: Factory = (origin, options) => new TrackedClient(origin, options, connect)
  return connections === 1
    ? makeClient
    : (origin, options) => new Undici.Pool(origin, { ...options, factory: makeClient })
}

/** An agent for HTTP/1.1 whose connections are opened by `connect`. */
export const makeAgent = (options: Options, connect: Undici.buildConnector.connector): Undici.Agent => {
  const agent = new Undici.Agent({
    connect,
    factory: factories(options.connections, connect),
    connections: options.connections ?? null,
    pipelining: options.pipelining ?? defaults.pipelining,
    allowH2: false,
    ...keepAlive(options),
    maxHeaderSize: options.maxHeaderSize ?? defaults.maxHeaderSize
  })
  const { onConnect } = options
  if (onConnect !== undefined) agent.on("connect", (origin) => onConnect(origin.origin))
  return agent
}
