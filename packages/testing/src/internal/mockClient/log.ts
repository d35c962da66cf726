import type * as Clock from "effect/Clock"

/** An event of a mock transport. Times are those of the Clock of the request's fiber. */
export type Entry =
  | {
      readonly _tag: "Sent"
      /** Number of the request, starting at 0. */
      readonly index: number
      /** Time in epoch milliseconds. */
      readonly at: number
      /** Method of the request. */
      readonly method: string
      /** Absolute URL with parameters. The query that the URL had stays byte for byte, and parameters follow it. */
      readonly url: string
      /** Headers, with names in lower case. */
      readonly headers: Readonly<Record<string, string>>
      /** Body as text, or `undefined` without a body. */
      readonly body: string | undefined
      /** Body decoded as JSON. `undefined` if its `content-type` is not JSON, or if it is not valid JSON. */
      readonly json: unknown
    }
  | { readonly _tag: "Released"; readonly index: number; readonly at: number; readonly how: ReleaseReason }
  | { readonly _tag: "Interrupted"; readonly index: number; readonly at: number }

/** A request as it reached the transport. */
export type Sent = Extract<Entry, { readonly _tag: "Sent" }>

export type ReleaseReason = "empty" | "drained" | "cancelled" | "aborted" | "failed"

/** Reports the first release of a response body. Later ones are consequences of the first and are ignored. */
export const releaser = (entries: Array<Entry>, index: number, clock: Clock.Clock): ((how: ReleaseReason) => void) => {
  let released = false
  return (how) => {
    if (released) return
    released = true
    entries.push({ _tag: "Released", index, at: clock.unsafeCurrentTimeMillis(), how })
  }
}
