import * as Effect from "effect/Effect"
import type { ServerResponse } from "node:http"
import type { Step } from "./step.js"

/** Writes bytes. It does not wait for a client that has closed the connection. */
const write = (response: ServerResponse, bytes: string | Uint8Array): Effect.Effect<void> =>
  Effect.async((resume) => {
    response.write(bytes, () => resume(Effect.void))
  })

const closed = (response: ServerResponse): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (response.closed) return resume(Effect.void)
    response.once("close", () => resume(Effect.void))
  })

const drip = (response: ServerResponse, { every, size, text }: Extract<Step, { readonly _tag: "Drip" }>) => {
  const bytes = Buffer.from(text)
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
    bytes.subarray(at * size, (at + 1) * size)
  )
  return Effect.forEach(pieces, (piece) => Effect.zipRight(write(response, piece), Effect.sleep(every)), {
    discard: true
  })
}

/** Runs a step. Returns whether it is the last one. */
const runStep = (response: ServerResponse, step: Step): Effect.Effect<boolean> => {
  if (typeof step === "string" || step instanceof Uint8Array) return Effect.as(write(response, step), false)
  switch (step._tag) {
    case "Pause":
      return Effect.as(Effect.sleep(step.duration), false)
    case "Drip":
      return Effect.as(drip(response, step), false)
    case "Cut":
      return Effect.as(
        Effect.sync(() => response.socket?.end()),
        true
      )
    case "Reset":
      return Effect.as(
        Effect.sync(() => response.socket?.resetAndDestroy()),
        true
      )
    case "Silence":
      return Effect.as(closed(response), true)
    case "Status":
      return Effect.as(
        Effect.sync(() => response.end()),
        true
      )
  }
}

/** Sends the steps of a response. A client that closes the connection ends it. */
export const respond = (response: ServerResponse, steps: ReadonlyArray<Step>): Effect.Effect<void> => {
  const [first] = steps
  const code = typeof first === "object" && "_tag" in first && first._tag === "Status" ? first.code : 200
  const send = Effect.gen(function* () {
    for (const step of steps) if (yield* runStep(response, step)) return
    response.end()
  })
  return Effect.suspend(() => {
    response.writeHead(code, code === 200 ? { "content-type": "text/event-stream", "cache-control": "no-store" } : {})
    response.flushHeaders()
    return Effect.raceFirst(send, closed(response))
  })
}
