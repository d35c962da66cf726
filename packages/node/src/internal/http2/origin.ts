import type { Socket } from "node:net"
import { Readable } from "node:stream"
import { TLSSocket } from "node:tls"
import type { Dispatcher, buildConnector } from "undici"
import { errors } from "undici/index.js"
import type { OutgoingRequest } from "../dispatcher/requestDispatcher.js"
import { RequestFailure } from "../errors/requestFailure.js"
import type { Http2Request } from "./request.js"
import { makeHttp2Request } from "./request.js"
import type { SessionLimits } from "./session.js"
import { Http2Session } from "./session.js"

/** A request that waits for a connection. */
export interface QueuedRequest {
  readonly options: OutgoingRequest
  readonly handler: Dispatcher.DispatchHandler
}

/** Options of {@link Http2Origin}. */
export interface OriginOptions {
  /** Opens a connection that offers HTTP/2 and HTTP/1.1. */
  readonly connect: buildConnector.connector
  readonly limits: SessionLimits
  /** Maximum number of connections. */
  readonly maxConnections: number
  /** Called when a connection was opened. */
  readonly onConnect: () => void
  /**
   * Called when the server chose HTTP/1.1 for a connection. The requests must be sent over it, and over others like it.
   */
  readonly onHttp1: (socket: Socket, queued: ReadonlyArray<QueuedRequest>) => void
  /** Called when there is no connection, and no request waits for one. */
  readonly onUnused: () => void
}

const failRequest = ({ handler, options }: QueuedRequest, cause: Error): void => {
  if (options.body instanceof Readable) options.body.destroy()
  handler.onError?.(new RequestFailure({ phase: "connecting" }, cause))
}

/** The connections to one origin. Its server chooses HTTP/2 or HTTP/1.1: RFC 7301. */
export class Http2Origin {
  readonly #url: URL
  readonly #options: OriginOptions
  readonly #sessions: Set<Http2Session> = new Set()
  #queue: Array<QueuedRequest> = []
  #connecting = 0
  /** Whether the server chose HTTP/2 before. Until then, connections are opened one at a time. */
  #isHttp2 = false
  #isDestroyed = false

  constructor(origin: string, options: OriginOptions) {
    this.#url = new URL(origin)
    this.#options = options
  }

  dispatch(queued: QueuedRequest): void {
    if (this.#isDestroyed) return failRequest(queued, new errors.ClientDestroyedError())
    this.#queue.push(queued)
    this.#sendQueued()
  }

  #findSession(): Http2Session | undefined {
    for (const session of this.#sessions) if (session.hasRoom) return session
    return undefined
  }

  /** Sends the requests that connections have room for, and opens connections for the rest. */
  #sendQueued(): void {
    while (this.#queue.length > 0) {
      const session = this.#findSession()
      const queued = session === undefined ? undefined : this.#queue.shift()
      if (session === undefined || queued === undefined) break
      this.#send(session, queued)
    }
    this.#openConnections()
  }

  #send(session: Http2Session, { handler, options }: QueuedRequest): void {
    let request: Http2Request
    try {
      request = makeHttp2Request(this.#url, options)
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause))
      return handler.onError?.(new RequestFailure({ phase: "connected" }, error))
    }
    session.send(request, handler)
  }

  #openConnections(): void {
    if (this.#queue.length === 0) return
    const { limits, maxConnections } = this.#options
    const usable = [...this.#sessions].filter((session) => !session.isRetired)
    const plannedCapacity = usable.reduce((total, { capacity }) => total + Math.max(0, capacity), 0)
    let missingCapacity = this.#queue.length - plannedCapacity - this.#connecting * limits.maxStreams
    while (missingCapacity > 0 && usable.length + this.#connecting < maxConnections) {
      if (!this.#isHttp2 && this.#connecting > 0) return
      this.#openConnection()
      missingCapacity -= limits.maxStreams
    }
  }

  #openConnection(): void {
    const { host, hostname, port, protocol } = this.#url
    this.#connecting += 1
    const target = { host, hostname: hostname.replace(/^\[|\]$/g, ""), port, protocol }
    this.#options.connect(target, (cause, socket) => {
      this.#connecting -= 1
      if (cause !== null) this.#failQueued(cause)
      else if (this.#isDestroyed) socket.destroy()
      else this.#onConnected(socket)
      this.#notifyIfUnused()
    })
  }

  #onConnected(socket: Socket): void {
    if (!(socket instanceof TLSSocket) || socket.alpnProtocol !== "h2") {
      const queued = this.#queue
      this.#queue = []
      return this.#options.onHttp1(socket, queued)
    }
    this.#isHttp2 = true
    const session = new Http2Session(socket, this.#options.limits, {
      onRoom: () => this.#sendQueued(),
      onRetired: (cause) => {
        if (cause !== undefined) this.#failQueued(cause)
        this.#sendQueued()
      }
    })
    this.#sessions.add(session)
    socket.once("close", () => {
      this.#sessions.delete(session)
      this.#notifyIfUnused()
    })
    this.#options.onConnect()
    this.#sendQueued()
  }

  #failQueued(cause: Error): void {
    const failed = this.#queue
    this.#queue = []
    for (const queued of failed) failRequest(queued, cause)
  }

  #notifyIfUnused(): void {
    if (this.#queue.length + this.#connecting + this.#sessions.size === 0) this.#options.onUnused()
  }

  async destroy(): Promise<void> {
    this.#isDestroyed = true
    const cause = new errors.ClientDestroyedError()
    this.#failQueued(cause)
    await Promise.all([...this.#sessions].map((session) => session.destroy(cause)))
  }
}
