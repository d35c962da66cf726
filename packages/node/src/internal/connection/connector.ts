/** How connections are opened: to names and addresses, to Unix sockets, with or without TLS. */
import * as Undici from "undici"
import { DescribedFailure } from "../errors/describedFailure.js"
import type { AllowAddress } from "./addressFilter.js"
import { guarded, literalProblem } from "./addressFilter.js"
import { happyEyeballs } from "./happyEyeballs.js"
import { secureContext } from "./secureContext.js"
import type { Tls } from "./tls.js"
import { socketPathFailure } from "./unixSocket.js"

export type Connector = Undici.buildConnector.connector

const defined = <A>(name: string, value: A | undefined): Record<string, A> =>
  value === undefined ? {} : { [name]: value }

/** Fails a connection: never before the caller has returned. */
const failing =
  (error: Error): Connector =>
  (_, callback) =>
    queueMicrotask(() => callback(error, null))

/** Certificates or a key that cannot be used: nothing is sent over TLS. */
const withoutTls =
  (connect: Connector, failure: DescribedFailure): Connector =>
  (target, callback) =>
    (target.protocol === "https:" ? failing(failure) : connect)(target, callback)

/** Rejects literal addresses: no name is looked up for them. */
const refusing =
  (connect: Connector, allow: AllowAddress): Connector =>
  (target, callback) => {
    const problem = literalProblem(allow, target.hostname)
    ;(problem === undefined ? connect : failing(problem))(target, callback)
  }

const toSocketPath =
  (connect: Connector, path: string): Connector =>
  (target, callback) =>
    connect(target, (...result) =>
      result[0] === null ? callback(...result) : callback(socketPathFailure(path, result[0]), null)
    )

/** Node reports an invalid TLS record as an error, and leaves the socket open: nothing would end the exchange. */
export const endingOnError =
  (connect: Connector): Connector =>
  (target, callback) =>
    connect(target, (...result) => {
      const [, socket] = result
      socket?.on("error", (error: Error) => socket.destroy(error))
      callback(...result)
    })

/** What a connector is made from. */
export interface Connecting {
  /** The time for a connection, TLS included, in milliseconds; 0 for no bound. */
  readonly timeout: number
  readonly allowH2: boolean
  readonly socketPath: string | undefined
  readonly allowAddress: AllowAddress | undefined
}

/** @param tls - the certificates and the key of each connection. */
export const connectorWith = (connecting: Connecting, tls: Tls | undefined): Connector => {
  const { allowAddress, allowH2, socketPath, timeout } = connecting
  const context = tls === undefined ? undefined : secureContext(tls)
  const isUsable = !(context instanceof DescribedFailure)
  const connect = Undici.buildConnector({
    timeout,
    allowH2,
    // Without this, a variable of the environment turns verification off.
    rejectUnauthorized: true,
    ...defined("secureContext", isUsable ? context : undefined),
    ...defined("servername", tls?.servername),
    ...defined("socketPath", socketPath)
  })
  const secured = isUsable ? connect : withoutTls(connect, context)
  if (socketPath !== undefined) return toSocketPath(secured, socketPath)
  if (allowAddress === undefined) return happyEyeballs(secured, timeout)
  return refusing(happyEyeballs(secured, timeout, guarded(allowAddress)), allowAddress)
}
