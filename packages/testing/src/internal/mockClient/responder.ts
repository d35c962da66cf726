/** Chooses the step of each request: from a list, or with a function. */
import * as Effect from "effect/Effect"
import type { History } from "./history.js"
import { lines, requestText } from "./history.js"
import type { Sent } from "./log.js"
import { codedError, describe, type Step } from "./step.js"

/** What chooses the steps of a transport. */
export interface Responder {
  /** Chooses the step of a request. A request without a step is a defect, see {@link dieUnexpected}. */
  readonly stepOf: (request: Sent, history: History) => Effect.Effect<Step>
  /** The steps that were not used, as lines of a message. */
  readonly unused: () => ReadonlyArray<string>
}

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? "" : "s"}`

/** A defect, because a policy would retry a failure or replace it by another error. */
export const dieUnexpected = (history: History, request: Sent, code: string, text: string): Effect.Effect<never> =>
  Effect.suspend(() => {
    history.unexpected(request)
    return Effect.die(codedError(code, `MockClient: ${text} ${history.listBefore(request.index)}`))
  })

/** The text of a defect: a list of steps is at its end. */
export const endedText = (what: string, steps: number, request: Sent): string =>
  `${what} ended after ${count(steps, "step")}, and request ${request.index + 1} was sent: ${requestText(request)}. Add a step for it.`

/** Uses steps in order, for any requests. */
export const ofList = (steps: ReadonlyArray<Step>): Responder => {
  let used = 0
  return {
    stepOf: (request, history) => {
      const step = steps[used]
      if (step === undefined) {
        return dieUnexpected(history, request, "ERR_MOCK_SCRIPT_ENDED", endedText("the script", steps.length, request))
      }
      used++
      return Effect.succeed(step)
    },
    unused: () => steps.slice(used).map((step, index) => `step ${used + index + 1} of the script: ${describe(step)}`)
  }
}

/** Calls a function for each request. It may return no step in JavaScript. */
export const ofFunction = (script: (request: Sent, index: number) => Step | undefined): Responder => ({
  stepOf: (request, history) =>
    Effect.suspend(() => {
      const step = script(request, request.index)
      const text = `the script returned no step for request ${request.index + 1}: ${requestText(request)}.`
      return step === undefined ? dieUnexpected(history, request, "ERR_MOCK_SCRIPT_ENDED", text) : Effect.succeed(step)
    }),
  unused: () => []
})

/** Dies unless all steps were used, and each request had a step. */
export const assertDone = (responder: Responder, history: History): Effect.Effect<void> =>
  Effect.suspend(() => {
    const unused = responder.unused()
    const unexpected = history.unexpectedRequests
    if (unused.length === 0 && unexpected.length === 0) return Effect.void
    const text = [
      ...(unused.length === 0
        ? []
        : [
            `${count(unused.length, "response")} of the script not used:${unused.map((one) => `\n  - ${one}`).join("")}`
          ]),
      ...(unexpected.length === 0
        ? []
        : [
            `${count(unexpected.length, "request")} not expected:${lines(unexpected.map((one) => [one.index + 1, requestText(one)]))}`
          ]),
      history.listBefore(Number.POSITIVE_INFINITY)
    ].join("\n")
    return Effect.die(codedError("ERR_MOCK_NOT_DONE", `MockClient: ${text}`))
  })
