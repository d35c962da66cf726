import type * as Clock from "effect/Clock"

/** What a mock has seen, in the order of its happening; times are those of the clock of the request's fiber. */
export type Entry =
  | {
      readonly _tag: "Sent"
      readonly index: number
      readonly at: number
      readonly method: string
      readonly url: string
      readonly headers: Readonly<Record<string, string>>
      readonly body: string | undefined
    }
  | { readonly _tag: "Released"; readonly index: number; readonly at: number; readonly how: ReleaseReason }
  | { readonly _tag: "Interrupted"; readonly index: number; readonly at: number }

export type ReleaseReason = "empty" | "drained" | "cancelled" | "aborted" | "failed"

/** Where the body of one request is reported to: its first release counts, what follows it is an echo. */
export const releaser = (entries: Array<Entry>, index: number, clock: Clock.Clock): ((how: ReleaseReason) => void) => {
  let released = false
  return (how) => {
    if (released) return
    released = true
    entries.push({ _tag: "Released", index, at: clock.unsafeCurrentTimeMillis(), how })
  }
}
