import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import type * as Runtime from "effect/Runtime"
import * as Stream from "effect/Stream"
import type { ReleaseReason } from "./log.js"
import type { HeadersInput, Respond } from "./step.js"

type Chunks = ReadableStreamDefaultReader<Uint8Array>

/** Statuses that the Fetch standard lets have no body. */
const isBodiless = (status: number): boolean => status === 204 || status === 205 || status === 304

const webHeaders = (input: HeadersInput): Headers => {
  const headers = new Headers()
  for (const [name, value] of Object.entries(input)) {
    for (const one of typeof value === "string" ? [value] : value) headers.append(name, one)
  }
  return headers
}

const chunks = (body: Exclude<Respond["body"], undefined>, runtime: Runtime.Runtime<never>): Chunks =>
  Stream.toReadableStreamRuntime(body instanceof Uint8Array ? Stream.make(body) : body, runtime, {
    strategy: { highWaterMark: 0 }
  }).getReader()

/**
 * A body that tells when it is finished with. It produces nothing before it is read (a high-water mark of 0), so a
 * response that nobody touches is never released, as its connection would not be.
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
    // The source may have failed by itself; its failure has been reported to the reader already.
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

/** Builds the response of one step; `released` is told once when its body is finished with, and how. */
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
  // Servers do answer 999, and the constructor refuses it; what is read back is this property.
  if (!constructible) Object.defineProperty(response, "status", { value: status })
  return HttpClientResponse.fromWeb(request, response)
}
