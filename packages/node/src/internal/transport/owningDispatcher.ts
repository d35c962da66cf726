import type { Dispatcher, buildConnector } from "undici"
import type { RequestDispatcher } from "../dispatcher/requestDispatcher.js"
import { AlpnAgent } from "../http2/alpnAgent.js"
import { defaults, makeAgent, toMilliseconds } from "./agent.js"
import type { Options } from "./options.js"

/** A dispatcher that owns its connections. `destroy` cuts them. */
export interface OwningDispatcher extends RequestDispatcher, Pick<Dispatcher, "destroy"> {}

/** Maximum concurrent requests over one HTTP/2 connection if `pipelining` is not set. */
const defaultMaxStreams = 100

/**
 * Makes a dispatcher with the limits of the options.
 *
 * @param connect - opens connections to origins, with or without offering HTTP/2.
 */
export const makeDispatcher = (
  options: Options,
  connect: (allowH2: boolean) => buildConnector.connector
): OwningDispatcher => {
  if (options.allowH2 !== true) return makeAgent(options, connect(false))
  return new AlpnAgent({
    makeHttp1: (connectHttp1) => makeAgent(options, connectHttp1),
    connect,
    limits: {
      maxHeaderSize: options.maxHeaderSize ?? defaults.maxHeaderSize,
      maxStreams: Math.max(1, options.pipelining ?? defaultMaxStreams),
      keepAliveTimeout: toMilliseconds(options.keepAliveTimeout ?? defaults.keepAliveTimeout),
      settingsTimeout: toMilliseconds(options.connectTimeout ?? defaults.connectTimeout)
    },
    maxConnections: options.connections ?? Number.POSITIVE_INFINITY,
    onConnect: (origin) => options.onConnect?.(origin)
  })
}
