import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import type * as Runtime from "effect/Runtime"
import * as Stream from "effect/Stream"
import type { ReleaseReason } from "./log.js"
import type { HeadersInput, Respond } from "./step.js"

type Chunks = Pick<ReadableStreamDefaultReader<Uint8Array>, "read" | "cancel">

/** Statuses without a body in the Fetch standard. */
const isBodiless = (status: number): boolean => status === 204 || status === 205 || status === 304

const webHeaders = (input: HeadersInput): Headers => {
  const headers = new Headers()
  for (const [name, value] of Object.entries(input)) {
    for (const one of typeof value === "string" ? [value] : value) headers.append(name, one)
  }
  return headers
}

/** One chunk. A stream would take as many steps of Effect as half a call. */
const oneChunk = (bytes: Uint8Array): Chunks => {
  let isRead = false
  return {
    read: () => {
      const wasRead = isRead
      isRead = true
      return Promise.resolve(wasRead ? { done: true, value: undefined } : { done: false, value: bytes })
    },
    cancel: () => Promise.resolve()
  }
}

const chunks = (body: Exclude<Respond["body"], undefined>, runtime: Runtime.Runtime<never>): Chunks =>
  body instanceof Uint8Array
    ? oneChunk(body)
    : Stream.toReadableStreamRuntime(body, runtime, { strategy: { highWaterMark: 0 } }).getReader()

/**
 * A body that reports its end. It produces nothing before it is read (high-water mark 0). An unread response is therefore never
 * released, like its connection would not be.
 */
const observed = (
  open: () => Chunks,
  released: (how: ReleaseReason) => void,
  signal: AbortSignal
): ReadableStream<Uint8Array> => {
  let source: Chunks | undefined
  const abort = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    released("aborted")
    controller.error(signal.reason)
    // The source may have failed already, and the reader received its error.
    source?.cancel().catch(() => undefined)
  }
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => signal.addEventListener("abort", () => abort(controller), { once: true }),
      async pull(controller) {
        try {
          const { done, value } = await (source ??= open()).read()
          if (!done) return controller.enqueue(value)
          released("drained")
          controller.close()
        } catch (cause) {
          released("failed")
          controller.error(cause)
        }
      },
      async cancel() {
        released("cancelled")
        await source?.cancel()
      }
    },
    { highWaterMark: 0 }
  )
}

/** Builds the response of a step. `released` is called once, when the body ends. */
export const fromStep = (
  request: HttpClientRequest.HttpClientRequest,
  step: Respond,
  options: {
    readonly runtime: Runtime.Runtime<never>
    readonly signal: AbortSignal
    readonly released: (how: ReleaseReason) => void
  }
): HttpClientResponse.HttpClientResponse => {
  const { body, headers, status } = step
  const empty = body === undefined || request.method === "HEAD" || isBodiless(status)
  if (empty) options.released("empty")
  const content = empty ? null : observed(() => chunks(body, options.runtime), options.released, options.signal)
  const constructible = status >= 200 && status <= 599
  const response = new Response(content, { status: constructible ? status : 200, headers: webHeaders(headers) })
  // Servers may send 999, which the constructor rejects. Readers use this property.
  if (!constructible) Object.defineProperty(response, "status", { value: status })
  return HttpClientResponse.fromWeb(request, response)
}
