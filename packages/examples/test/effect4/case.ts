/** A source for Effect 3, and what the codemod makes of it. */

/** A source and its rewritten form. */
export interface Case {
  /** What the codemod does, from its verb. */
  readonly name: string
  readonly before: string
  readonly after: string
}

const lines = (...text: ReadonlyArray<string>): string => [...text, ""].join("\n")

export const rewritten = (name: string, before: ReadonlyArray<string>, after: ReadonlyArray<string>): Case => ({
  name,
  before: lines(...before),
  after: lines(...after)
})

export const unchanged = (name: string, ...text: ReadonlyArray<string>): Case => rewritten(name, text, text)

export const effect = 'import * as Effect from "effect/Effect"'
export const either = 'import * as Either from "effect/Either"'
export const result = 'import * as Result from "effect/Result"'
