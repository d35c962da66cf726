import type * as Duration from "effect/Duration"

/** One step of a response. */
export type Step =
  | string
  | Uint8Array
  | { readonly _tag: "Pause"; readonly duration: Duration.DurationInput }
  | { readonly _tag: "Drip"; readonly text: string; readonly every: Duration.DurationInput; readonly size: number }
  | { readonly _tag: "Cut" | "Reset" | "Silence" }
  | { readonly _tag: "Status"; readonly code: number }
