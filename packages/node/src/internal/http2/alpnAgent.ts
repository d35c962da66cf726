import type { Socket } from "node:net"
import type { Agent, Dispatcher, buildConnector } from "undici"
import type { OutgoingRequest, RequestDispatcher } from "../dispatcher/requestDispatcher.js"
import type { OriginOptions, QueuedRequest } from "./origin.js"
import { Http2Origin } from "./origin.js"

/** Options of {@link AlpnAgent}. */
export interface AlpnOptions {
  /** Makes the agent for HTTP/1.1. `connect` opens its connections. */
  readonly makeHttp1: (connect: buildConnector.connector) => Agent
  /** Opens a connection, with or without offering HTTP/2. */
  readonly connect: (allowH2: boolean) => buildConnector.connector
  readonly limits: OriginOptions["limits"]
  readonly maxConnections: number
  /** Called when a connection to the origin was opened. */
  readonly onConnect: (origin: string) => void
}

/**
 * Sends requests over HTTP/2 if the server chooses it in the TLS handshake (ALPN, RFC 7301), and over undici's HTTP/1.1
 * otherwise.
 */
export class AlpnAgent implements RequestDispatcher {
  readonly #options: AlpnOptions
  readonly #connect: buildConnector.connector
  readonly #http1: Agent
  readonly #origins: Map<string, Http2Origin> = new Map()
  /** The number of connections to each origin that chose HTTP/1.1. */
  readonly #http1Origins: Map<string, number> = new Map()
  /** Connections that were opened to find the protocol, and that undici will use. */
  readonly #unclaimedSockets: Map<string, Socket> = new Map()
  #isDestroyed = false

  constructor(options: AlpnOptions) {
    this.#options = options
    this.#connect = options.connect(true)
    const connectHttp1 = options.connect(false)
    this.#http1 = options.makeHttp1((target, callback) => {
      const socket = this.#takeUnclaimed(`${target.protocol}//${target.host ?? ""}`)
      if (socket === undefined) return connectHttp1(target, callback)
      queueMicrotask(() => callback(null, socket))
    })
    this.#http1.on("connect", ({ origin }: URL) => this.#updateCount(origin, 1))
    this.#http1.on("disconnect", ({ origin }: URL) => this.#updateCount(origin, -1))
    this.#http1.on("connectionError", ({ origin }: URL) => this.#updateCount(origin, 0))
  }

  /** When there is no connection to the server, its protocol is determined again. */
  #updateCount(origin: string, change: number): void {
    const count = this.#http1Origins.get(origin)
    if (count === undefined) return
    if (count + change > 0) this.#http1Origins.set(origin, count + change)
    else this.#http1Origins.delete(origin)
  }

  #takeUnclaimed(origin: string): Socket | undefined {
    const socket = this.#unclaimedSockets.get(origin)
    this.#unclaimedSockets.delete(origin)
    return socket?.destroyed === false ? socket : undefined
  }

  dispatch(options: OutgoingRequest, handler: Dispatcher.DispatchHandler): boolean {
    const { origin } = options
    const isHttp1 = this.#isDestroyed || !origin.startsWith("https:") || this.#http1Origins.has(origin)
    if (isHttp1) return this.#http1.dispatch(options, handler)
    const http2Origin = this.#origins.get(origin) ?? this.#addOrigin(origin)
    http2Origin.dispatch({ options, handler })
    return true
  }

  #addOrigin(origin: string): Http2Origin {
    const { limits, maxConnections, onConnect } = this.#options
    const added: Http2Origin = new Http2Origin(origin, {
      connect: this.#connect,
      limits,
      maxConnections,
      onConnect: () => onConnect(origin),
      onHttp1: (socket, queued) => this.#useHttp1(origin, socket, queued),
      onUnused: () => {
        if (this.#origins.get(origin) === added) this.#origins.delete(origin)
      }
    })
    this.#origins.set(origin, added)
    return added
  }

  #useHttp1(origin: string, socket: Socket, queued: ReadonlyArray<QueuedRequest>): void {
    this.#unclaimedSockets.set(origin, socket)
    this.#http1Origins.set(origin, this.#http1Origins.get(origin) ?? 0)
    for (const { handler, options } of queued) this.#http1.dispatch(options, handler)
    // undici opens a connection at once, unless it has one.
    setImmediate(() => {
      if (this.#unclaimedSockets.get(origin) === socket) this.#takeUnclaimed(origin)?.destroy()
    })
  }

  readonly destroy = async (): Promise<void> => {
    this.#isDestroyed = true
    const origins = [...this.#origins.values()]
    await Promise.all([this.#http1.destroy(), ...origins.map((origin) => origin.destroy())])
  }
}
