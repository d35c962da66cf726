/**
 * Happy Eyeballs (RFC 8305): connections to host names with several addresses.
 *
 * Node tries the addresses one after the other and abandons each one after 250 ms. A name with a slow first address and
 * a second one that rejects connections then fails, although the first one works. Here the attempts continue
 * concurrently, until one of them connects or the timeout ends.
 */
import type { LookupAddress } from "node:dns"
import Dns from "node:dns"
import type { Socket } from "node:net"
import * as Net from "node:net"
import * as Undici from "undici/index.js"
import type { Lookup } from "./addressFilter.js"

type Connector = Undici.buildConnector.connector
type Target = Undici.buildConnector.Options

/** RFC 8305 §5: delay before the next attempt starts, in milliseconds. */
const attemptDelayMs = 250

/** Alternates the address families, starting with that of the first address: RFC 8305 §4. */
export const interleaveFamilies = (addresses: ReadonlyArray<LookupAddress>): ReadonlyArray<LookupAddress> => {
  const first = addresses.filter(({ family }) => family === addresses[0]?.family)
  const second = addresses.filter(({ family }) => family !== addresses[0]?.family)
  return Array.from({ length: Math.max(first.length, second.length) }, (_, at) => [first[at], second[at]])
    .flat()
    .filter((address) => address !== undefined)
}

/** The error for a name without an address, like that of `dns.lookup`. */
const noAddress = (): Error =>
  Object.assign(new Error("the host name has no address"), { code: "ENOTFOUND", syscall: "getaddrinfo" })

/** The error of all attempts, like Node's: its code is that of the first attempt. */
const combineErrors = (errors: ReadonlyArray<Error>): Error => {
  const [first] = errors
  if (first === undefined || errors.length === 1) return first ?? noAddress()
  return Object.assign(new AggregateError(errors), { code: "code" in first ? first.code : undefined })
}

/** The socket options of undici. Node's types lack the high water mark. */
const tcpOptions = (host: string, port: number): Net.TcpNetConnectOpts & { readonly highWaterMark: number } => ({
  host,
  port,
  highWaterMark: 64 * 1024
})

type OnOpened = (error: Error | null, socket: Socket | null) => void

/** The attempts to connect to the addresses of one host name. */
class Attempts {
  readonly #port: number
  readonly #remaining: Array<LookupAddress>
  readonly #sockets: Set<Socket> = new Set()
  readonly #errors: Array<Error> = []
  #timer: NodeJS.Timeout | undefined
  #onOpened: OnOpened | undefined

  constructor(addresses: ReadonlyArray<LookupAddress>, port: number, onOpened: OnOpened) {
    this.#remaining = [...interleaveFamilies(addresses)]
    this.#port = port
    this.#onOpened = onOpened
    this.#attempt()
  }

  readonly #attempt = (): void => {
    clearTimeout(this.#timer)
    const address = this.#remaining.shift()
    if (address === undefined) return
    const socket = Net.connect(tcpOptions(address.address, this.#port))
    this.#sockets.add(socket)
    const onError = (error: Error) => this.#fail(socket, error)
    socket.once("error", onError)
    socket.once("connect", () => {
      socket.off("error", onError)
      this.#sockets.delete(socket)
      this.#end(null, socket)
    })
    if (this.#remaining.length > 0) this.#timer = setTimeout(this.#attempt, attemptDelayMs)
  }

  #fail(socket: Socket, error: Error): void {
    this.#sockets.delete(socket)
    this.#errors.push(error)
    if (this.#remaining.length > 0) this.#attempt()
    else if (this.#sockets.size === 0) this.#end(combineErrors(this.#errors), null)
  }

  #end(error: Error | null, socket: Socket | null): void {
    const onOpened = this.#onOpened
    this.cancel()
    onOpened?.(error, socket)
  }

  /** Ends all attempts. */
  cancel(): void {
    this.#onOpened = undefined
    this.#remaining.length = 0
    clearTimeout(this.#timer)
    for (const socket of this.#sockets) socket.on("error", () => undefined).destroy()
    this.#sockets.clear()
  }
}

/** One connection that is being opened: look-up, attempts and TLS handshake, with one timeout. */
class PendingConnection {
  readonly #target: Target
  readonly #connect: Connector
  #callback: Undici.buildConnector.Callback | undefined
  #timer: NodeJS.Timeout | undefined
  #attempts: Attempts | undefined
  #socket: Socket | undefined

  constructor(target: Target, connect: Connector, timeout: number, callback: Undici.buildConnector.Callback) {
    this.#target = target
    this.#connect = connect
    this.#callback = callback
    if (timeout > 0) this.#timer = setTimeout(() => this.#expire(timeout), timeout)
  }

  start(lookup: Lookup): void {
    lookup(this.#target.hostname, { all: true }, (error, addresses) => {
      if (this.#callback === undefined) return
      if (error !== null || typeof addresses === "string" || addresses.length === 0) {
        return this.#end(error ?? noAddress(), null)
      }
      this.#attempts = new Attempts(addresses, this.#port, (failure, socket) => {
        if (socket === null) this.#end(failure ?? noAddress(), null)
        else this.#secure(socket)
      })
    })
  }

  get #port(): number {
    const { port, protocol } = this.#target
    return port === "" ? (protocol === "https:" ? 443 : 80) : Number(port)
  }

  /** The socket settings of undici. */
  #secure(socket: Socket): void {
    this.#socket = socket.setNoDelay(true).setKeepAlive(true, 60_000)
    if (this.#target.protocol !== "https:") return this.#end(null, socket)
    this.#connect({ ...this.#target, httpSocket: socket }, (...result) => this.#end(...result))
  }

  #end(...result: Parameters<Undici.buildConnector.Callback>): void {
    clearTimeout(this.#timer)
    const callback = this.#callback
    this.#callback = undefined
    if (callback === undefined) result[1]?.destroy()
    else callback(...result)
  }

  #expire(timeout: number): void {
    const { hostname } = this.#target
    const error = new Undici.errors.ConnectTimeoutError(`no connection to ${hostname} within ${timeout} ms`)
    this.#attempts?.cancel()
    this.#socket?.on("error", () => undefined).destroy()
    this.#end(error, null)
  }
}

const lookupAll: Lookup = (host, options, callback) => Dns.lookup(host, { ...options, all: true }, callback)

/**
 * Makes a connector that tries all addresses of a host name. `connect` opens the other connections: to IP addresses,
 * and through tunnels.
 *
 * @param timeout - timeout for opening a connection, TLS included, in milliseconds; 0 for none.
 */
export const makeHappyEyeballsConnector =
  (connect: Connector, timeout: number, lookup: Lookup = lookupAll): Connector =>
  (target, callback) => {
    if (target.httpSocket !== undefined || Net.isIP(target.hostname) !== 0) return connect(target, callback)
    new PendingConnection(target, connect, timeout, callback).start(lookup)
  }
