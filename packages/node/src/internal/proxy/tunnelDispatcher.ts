import type { Socket } from "node:net"
import * as Undici from "undici/index.js"
import type { Connector } from "../connection/connector.js"
import { DecoratorHandler } from "../dispatcher/decoratorHandler.js"
import type { OutgoingRequest, RequestDispatcher, RequestHandler } from "../dispatcher/requestDispatcher.js"
import { defaults, makeConnector, toMilliseconds } from "../transport/agent.js"
import type { Options } from "../transport/options.js"
import type { OwningDispatcher } from "../transport/owningDispatcher.js"
import { makeDispatcher } from "../transport/owningDispatcher.js"
import { connectionFailed } from "./proxyFailure.js"
import type { Proxy } from "./proxyUrl.js"
import { openTunnel } from "./tunnel.js"

/** The number of requests to one origin that wait for a connection, and the tunnels to it that are being opened. */
class PendingTunnels {
  /** Functions that close the tunnels. */
  readonly tunnels: Set<() => void> = new Set()
  requests = 0

  close(): void {
    this.tunnels.forEach((close) => close())
  }
}

/** Calls `onEnded` once when the request no longer waits for a connection. */
class WaitingRequest extends DecoratorHandler {
  #onEnded: (() => void) | undefined

  constructor(handler: RequestHandler, onEnded: () => void) {
    super(handler)
    this.#onEnded = onEnded
    handler.onWaiting(() => this.#end())
  }

  #end(): void {
    const onEnded = this.#onEnded
    this.#onEnded = undefined
    onEnded?.()
  }

  override onConnect(abort: (error?: Error) => void): void {
    this.#end()
    super.onConnect(abort)
  }

  override onError(error: Error): void {
    this.#end()
    super.onError(error)
  }
}

/**
 * A dispatcher that uses the tunnels of a proxy. When no request waits for a connection to an origin, it closes the
 * tunnels to that origin that are being opened.
 */
export class TunnelDispatcher implements RequestDispatcher {
  readonly #dispatcher: OwningDispatcher
  readonly #proxy: Proxy
  readonly #options: Options
  readonly #connectToProxy: Connector
  readonly #pending: Map<string, PendingTunnels> = new Map()

  constructor(options: Options, proxy: Proxy) {
    this.#proxy = proxy
    this.#options = options
    this.#connectToProxy = makeConnector({ connectTimeout: options.connectTimeout, tls: { ca: options.tls?.ca } })
    this.#dispatcher = makeDispatcher(options, (allowH2) => {
      const connect = makeConnector({ ...options, allowH2 })
      return (target, callback) => this.#open(connect, target, callback)
    })
  }

  readonly dispatch = (request: OutgoingRequest, handler: RequestHandler): boolean => {
    const { origin } = request
    const pending = this.#pendingFor(origin)
    pending.requests += 1
    const onEnded = () => {
      pending.requests -= 1
      if (pending.requests === 0) pending.close()
      this.#removeIfUnused(origin, pending)
    }
    return this.#dispatcher.dispatch(request, new WaitingRequest(handler, onEnded))
  }

  /** Opens a connection within `connectTimeout`: to the proxy, through the tunnel, then TLS to the origin. */
  #open(connect: Connector, target: Undici.buildConnector.Options, callback: Undici.buildConnector.Callback): void {
    const origin = `${target.protocol}//${target.host}`
    const pending = this.#pendingFor(origin)
    let tunnel: Socket | undefined
    const finish: Undici.buildConnector.Callback = (...result) => {
      // Later results are consequences of the first one.
      if (!pending.tunnels.delete(close)) return
      clearTimeout(timer)
      this.#removeIfUnused(origin, pending)
      if (result[0] !== null) {
        closeTunnel()
        tunnel?.destroy()
      }
      callback(...result)
    }
    const close = () => finish(new Undici.errors.RequestAbortedError(), null)
    pending.tunnels.add(close)
    const options = {
      connect: this.#connectToProxy,
      maxHeaderSize: this.#options.maxHeaderSize ?? defaults.maxHeaderSize
    }
    const closeTunnel = openTunnel(this.#proxy, target, options, (error, socket) => {
      if (error !== undefined) return finish(error, null)
      tunnel = socket
      connect({ ...target, httpSocket: socket }, finish)
    })
    const timer = this.#timer(() => {
      const error = new Undici.errors.ConnectTimeoutError("no connection through the proxy within connectTimeout")
      finish(tunnel === undefined ? connectionFailed(this.#proxy, error) : error, null)
    })
  }

  #timer(onTimeout: () => void): NodeJS.Timeout | undefined {
    const timeout = toMilliseconds(this.#options.connectTimeout ?? defaults.connectTimeout)
    return timeout === 0 ? undefined : setTimeout(onTimeout, timeout)
  }

  #pendingFor(origin: string): PendingTunnels {
    const pending = this.#pending.get(origin) ?? new PendingTunnels()
    this.#pending.set(origin, pending)
    return pending
  }

  #removeIfUnused(origin: string, { requests, tunnels }: PendingTunnels): void {
    if (requests === 0 && tunnels.size === 0) this.#pending.delete(origin)
  }

  async destroy(): Promise<void> {
    this.#pending.forEach((pending) => pending.close())
    await this.#dispatcher.destroy()
  }
}
