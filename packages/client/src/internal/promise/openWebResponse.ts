/** Open responses for code without Effect: a `Response` with its body as a stream. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { TransportError } from "../../Errors.js"
import type { OpenResponse } from "../response/openResponse.js"
import { pullOf, sourceOf } from "../response/openResponse.js"
import { setCookieHeadersOf } from "../response/fieldValues.js"
import type { PromiseRunner } from "./promiseRunner.js"
import type { StreamPull } from "../runtime/platform.js"
import { nextOf } from "./pull.js"
import { isBodiless, webHeaders } from "./webResponse.js"

/** Closes the scope of a body that was garbage-collected. Otherwise its connection would stay in use. */
const abandoned = new FinalizationRegistry<() => Promise<void>>((close) => void close())

interface Body<R> {
  readonly runner: PromiseRunner<R>
  readonly pull: StreamPull<Uint8Array, TransportError, R>
  readonly close: () => Promise<void>
  readonly signal: AbortSignal | undefined
}

/** The body as a stream of the web. An error of the body, and the reason of the signal, are the error of the stream. */
const webStream = <R>({ close, pull, runner, signal }: Body<R>): ReadableStream<Uint8Array> => {
  let abort = () => {}
  const end = (): Promise<void> => {
    signal?.removeEventListener("abort", abort)
    return close()
  }
  const source: UnderlyingDefaultSource<Uint8Array> = {
    start: (controller) => {
      // The signal may live longer than the stream, which can then be garbage-collected.
      const reference = new WeakRef(controller)
      abort = () => {
        reference.deref()?.error(signal?.reason)
        void end()
      }
      signal?.addEventListener("abort", abort, { once: true })
    },
    pull: async (controller) => {
      try {
        const chunk = await runner.run(nextOf(pull), signal)
        if (chunk !== undefined) for (const piece of chunk) controller.enqueue(piece)
        else {
          await end()
          controller.close()
        }
      } catch (error) {
        await end()
        throw error
      }
    },
    cancel: async () => {
      await end()
    }
  }
  // A pull that waits would hold the stream, so nothing is pulled before it is read.
  const stream = new ReadableStream(source, { highWaterMark: 0 })
  abandoned.register(stream, close)
  return stream
}

/**
 * Opens a response. Its body is released at its end, after an error or an abort, when it is cancelled or garbage-collected, and
 * when the runner is closed.
 */
export const openWebResponse = async <E, R>(
  runner: PromiseRunner<R>,
  open: Effect.Effect<OpenResponse, E, R | Scope.Scope>,
  signal: AbortSignal | undefined
): Promise<Response> => {
  const scope = runner.makeScope()
  const close = () => Effect.runPromise(Scope.close(scope, Exit.void))
  try {
    const opened = await runner.run(Scope.extend(open, scope), signal)
    const { headers, status } = opened
    const source = sourceOf(opened)
    const cookies = source === undefined ? [] : setCookieHeadersOf(source.response)
    const init = { status, headers: webHeaders(headers, cookies) }
    if (isBodiless(status)) {
      await close()
      return new Response(null, init)
    }
    const pull = await runner.run(Scope.extend(pullOf(opened), scope), signal)
    return new Response(webStream({ runner, pull, close, signal }), init)
  } catch (error) {
    await close()
    throw error
  }
}
