import { DecoratorHandler } from "../dispatcher/decoratorHandler.js"
import { valuesOf } from "../dispatcher/rawHeaders.js"
import type { OutgoingRequest, RequestHandler } from "../dispatcher/requestDispatcher.js"
import type { ProxyAuthorization } from "./proxyCredentials.js"
import { isNotHttp, requestRejected, responseInvalid } from "./proxyFailure.js"
import type { Proxy } from "./proxyUrl.js"

/** Whether a body can be sent again after a 407. */
export const isReplayable = (body: OutgoingRequest["body"]): boolean =>
  body === undefined || body === null || typeof body === "string" || body instanceof Uint8Array

/** How a request was sent to the proxy. */
export interface Forwarding {
  readonly proxy: Proxy
  readonly authorization: ProxyAuthorization | undefined
  /** The host and port of the origin. */
  readonly host: string
  /** Sends the request again. Undefined if it cannot be sent again. */
  readonly again: (() => void) | undefined
}

/**
 * A request that a proxy forwards. A 407 is always from a proxy (RFC 9110 §15.5.8), and the request was not forwarded. It is sent
 * again if the proxy sent a challenge that can be answered. A response that is not HTTP is from a server that is no proxy.
 */
export class ForwardedRequest extends DecoratorHandler {
  readonly #forwarding: Forwarding
  #abort: ((error?: Error) => void) | undefined
  #isRejected = false

  constructor(handler: RequestHandler, forwarding: Forwarding) {
    super(handler)
    this.#forwarding = forwarding
  }

  override onConnect(abort: (error?: Error) => void): void {
    this.#abort = abort
    super.onConnect(abort)
  }

  override onHeaders(status: number, fields: Array<Buffer>, resume: () => void, text: string): boolean {
    const { again, authorization, host, proxy } = this.#forwarding
    const { credentials } = proxy
    if (status !== 407) {
      if (credentials !== undefined && authorization !== undefined && status >= 200) {
        credentials.onAccepted(authorization, valuesOf(fields, "proxy-authentication-info")[0])
      }
      return super.onHeaders(status, fields, resume, text)
    }
    const challenges = valuesOf(fields, "proxy-authenticate").join(", ")
    const isAnswered = authorization !== undefined && credentials?.onRejected(challenges, authorization) === true
    if (again === undefined || !isAnswered) {
      this.#abort?.(requestRejected(proxy, { status, headers: {} }, host))
      return true
    }
    this.#isRejected = true
    return true
  }

  override onData(chunk: Buffer): boolean {
    return this.#isRejected || super.onData(chunk)
  }

  override onComplete(trailers: Array<string> | null): void {
    if (this.#isRejected) this.#forwarding.again?.()
    else super.onComplete(trailers)
  }

  override onError(error: Error): void {
    super.onError(isNotHttp(error) ? responseInvalid(this.#forwarding.proxy, error) : error)
  }
}
