import * as Effect from "effect/Effect"
import { Timeout } from "../../Errors.js"
import { redactedUrl } from "../redaction/requestHistory.js"
import { unsafeMonotonicNow } from "../time/clock.js"
import type { CallContext } from "./context.js"
import { timerAt } from "./context.js"

/** Fails with the `Timeout` of the context's deadline. */
export const failTimeout = ({ deadline }: CallContext): Effect.Effect<never> =>
  Effect.suspend(() => {
    if (deadline === undefined) return Effect.die(new Error("a call without a deadline timed out"))
    const { after, request, scope } = deadline
    const error = new Timeout({ method: request.method, url: redactedUrl(request), scope, after })
    // The policy that set the deadline has `Timeout` among its errors. The policies inside it do not declare it again.
    return Effect.fail(error) as Effect.Effect<never>
  })

/** Fails with the `Timeout` of the deadline if it has passed, as when its timer and a response come at the same time. */
export const checkDeadline = (context: CallContext): Effect.Effect<void> =>
  Effect.suspend(() => (timerAt(context) <= unsafeMonotonicNow(context.fiber) ? failTimeout(context) : Effect.void))
