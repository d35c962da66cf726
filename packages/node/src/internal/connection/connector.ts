/** Opens connections: to host names, addresses and Unix sockets, with or without TLS. */
import * as Undici from "undici/index.js"
import { DescribedFailure } from "../errors/describedFailure.js"
import type { AllowAddress } from "./addressFilter.js"
import { filteredLookup, validateLiteralAddress } from "./addressFilter.js"
import { makeHappyEyeballsConnector } from "./happyEyeballs.js"
import { makeSecureContext } from "./secureContext.js"
import type { Tls } from "./tls.js"
import { describeSocketPathError } from "./unixSocket.js"

export type Connector = Undici.buildConnector.connector

const optional = <A>(name: string, value: A | undefined): Record<string, A> =>
  value === undefined ? {} : { [name]: value }

/** A connector that fails. It calls back asynchronously, as connectors must. */
const makeFailingConnector =
  (error: Error): Connector =>
  (_, callback) =>
    queueMicrotask(() => callback(error, null))

/** Fails https connections, because the certificates or the key are invalid. */
const failTlsConnections =
  (connect: Connector, failure: DescribedFailure): Connector =>
  (target, callback) =>
    (target.protocol === "https:" ? makeFailingConnector(failure) : connect)(target, callback)

/** Checks IP addresses in URLs, for which no look-up takes place. */
const withAddressFilter =
  (connect: Connector, allow: AllowAddress): Connector =>
  (target, callback) => {
    const problem = validateLiteralAddress(allow, target.hostname)
    ;(problem === undefined ? connect : makeFailingConnector(problem))(target, callback)
  }

const withSocketPath =
  (connect: Connector, path: string): Connector =>
  (target, callback) =>
    connect(target, (...result) =>
      result[0] === null ? callback(...result) : callback(describeSocketPathError(path, result[0]), null)
    )

/**
 * Destroys a socket that reports an error. Node leaves the socket open after an invalid TLS record, and the request
 * would not end.
 */
export const destroyOnError =
  (connect: Connector): Connector =>
  (target, callback) =>
    connect(target, (...result) => {
      const [, socket] = result
      socket?.on("error", (error: Error) => socket.destroy(error))
      callback(...result)
    })

/** Options of {@link buildConnector}. */
export interface ConnectorOptions {
  /** Timeout for opening a connection, TLS included, in milliseconds; 0 for none. */
  readonly timeout: number
  readonly allowH2: boolean
  readonly socketPath: string | undefined
  readonly allowAddress: AllowAddress | undefined
}

/**
 * Builds a connector.
 *
 * @param tls - the certificates and the key of each connection.
 */
export const buildConnector = (options: ConnectorOptions, tls: Tls | undefined): Connector => {
  const { allowAddress, allowH2, socketPath, timeout } = options
  const context = tls === undefined ? undefined : makeSecureContext(tls)
  const isUsable = !(context instanceof DescribedFailure)
  const connect = Undici.buildConnector({
    timeout,
    allowH2,
    // Without this, NODE_TLS_REJECT_UNAUTHORIZED could disable verification.
    rejectUnauthorized: true,
    ...optional("secureContext", isUsable ? context : undefined),
    ...optional("servername", tls?.servername),
    ...optional("socketPath", socketPath)
  })
  const secured = isUsable ? connect : failTlsConnections(connect, context)
  if (socketPath !== undefined) return withSocketPath(secured, socketPath)
  if (allowAddress === undefined) return makeHappyEyeballsConnector(secured, timeout)
  return withAddressFilter(makeHappyEyeballsConnector(secured, timeout, filteredLookup(allowAddress)), allowAddress)
}
