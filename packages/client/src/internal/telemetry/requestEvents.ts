/** The events of one HTTP request. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { CallContext } from "../call/context.js"
import { redactedUrl } from "../redaction/requestHistory.js"
import { unsafeMonotonicNow } from "../time/clock.js"
import type { EventFields } from "./events.js"
import { observationOf, publishEvent } from "./timeline.js"

/** A request that was sent, with a listener for its response. */
export class ObservedRequest {
  readonly #context: CallContext
  readonly #number: number
  readonly #since: number

  constructor(context: CallContext, number: number) {
    this.#context = context
    this.#number = number
    this.#since = unsafeMonotonicNow(context.fiber)
  }

  get #numbers() {
    return { request: this.#number, attempt: this.#context.attempt }
  }

  get #ms(): number {
    return unsafeMonotonicNow(this.#context.fiber) - this.#since
  }

  sent(request: HttpClientRequest): void {
    const { method } = request
    this.#publish({ _tag: "RequestSent", method, url: redactedUrl(request), ...this.#numbers })
  }

  received(status: number): void {
    this.#publish({ _tag: "ResponseReceived", status, ms: this.#ms, ...this.#numbers })
  }

  failed(reason: string): void {
    this.#publish({ _tag: "RequestFailed", reason, ms: this.#ms, ...this.#numbers })
  }

  #publish(event: EventFields): void {
    const { fiber } = this.#context
    const observed = observationOf(fiber)
    if (observed !== undefined) publishEvent(observed, event, { fiber })
  }
}

/** Emits `RequestSent`. Undefined without a listener. */
export const observeRequest = (context: CallContext, request: HttpClientRequest): ObservedRequest | undefined => {
  const observed = observationOf(context.fiber)
  if (observed === undefined) return undefined
  const number = observed.call === undefined ? 1 : ++observed.call.requests
  const sent = new ObservedRequest(context, number)
  sent.sent(request)
  return sent
}
