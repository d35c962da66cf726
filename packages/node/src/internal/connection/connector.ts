/** How connections are opened: to names and addresses, to Unix sockets, with or without TLS. */
import * as Undici from "undici"
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

/** Fails a connection: never before the caller has returned. */
const makeFailingConnector =
  (error: Error): Connector =>
  (_, callback) =>
    queueMicrotask(() => callback(error, null))

/** Certificates or a key that cannot be used: nothing is sent over TLS. */
const failTlsConnections =
  (connect: Connector, failure: DescribedFailure): Connector =>
  (target, callback) =>
    (target.protocol === "https:" ? makeFailingConnector(failure) : connect)(target, callback)

/** Rejects literal addresses: no name is looked up for them. */
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

/** Node reports an invalid TLS record as an error, and leaves the socket open: nothing would end the exchange. */
export const destroyOnError =
  (connect: Connector): Connector =>
  (target, callback) =>
    connect(target, (...result) => {
      const [, socket] = result
      socket?.on("error", (error: Error) => socket.destroy(error))
      callback(...result)
    })

/** What a connector is made from. */
export interface ConnectorOptions {
  /** The time for a connection, TLS included, in milliseconds; 0 for no bound. */
  readonly timeout: number
  readonly allowH2: boolean
  readonly socketPath: string | undefined
  readonly allowAddress: AllowAddress | undefined
}

/** @param tls - the certificates and the key of each connection. */
export const buildConnector = (options: ConnectorOptions, tls: Tls | undefined): Connector => {
  const { allowAddress, allowH2, socketPath, timeout } = options
  const context = tls === undefined ? undefined : makeSecureContext(tls)
  const isUsable = !(context instanceof DescribedFailure)
  const connect = Undici.buildConnector({
    timeout,
    allowH2,
    // Without this, a variable of the environment turns verification off.
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
