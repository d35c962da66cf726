/** Names, strings and comments that do not change. */
import type { Case } from "./case.js"
import { effect, either, result, rewritten, unchanged } from "./case.js"

export const otherNames: ReadonlyArray<Case> = [
  rewritten(
    "keeps parameters, variables and members with the name of an import",
    [
      either,
      'const a = (Either: { left: (text: string) => string }) => Either.left("no")',
      "const b = { Either: 1, left: Either.left(1) }",
      "interface B { readonly Either: string }",
      "const c = () => {",
      "  const Either = { left: () => 1 }",
      "  return Either.left()",
      "}"
    ],
    [
      result,
      'const a = (Either: { left: (text: string) => string }) => Either.left("no")',
      "const b = { Either: 1, left: Result.fail(1) }",
      "interface B { readonly Either: string }",
      "const c = () => {",
      "  const Either = { left: () => 1 }",
      "  return Either.left()",
      "}"
    ]
  ),
  rewritten(
    "keeps the names of shorthand members and of exports",
    [either, "const a = { Either }", "export { Either }"],
    [result, "const a = { Either: Result }", "export { Result as Either }"]
  ),
  rewritten(
    "keeps strings and comments",
    [effect, "// Effect.fork", 'const a = ["Left", `Effect.fork ${"Either.left"}`, Effect.fork] // Effect.fork'],
    [effect, "// Effect.fork", 'const a = ["Left", `Effect.fork ${"Either.left"}`, Effect.forkChild] // Effect.fork']
  ),
  rewritten(
    "imports a module under another name if the file has one with its name",
    [either, 'import * as Result from "./Result.js"', "const a = [Result.ok(1), Either.right(1)]"],
    [
      'import * as EffectResult from "effect/Result"',
      'import * as Result from "./Result.js"',
      "const a = [Result.ok(1), EffectResult.succeed(1)]"
    ]
  ),
  rewritten(
    "imports a module under another name if a named import has its name",
    [
      'import type { Effect } from "effect/Effect"',
      'import { timeoutFail } from "effect/Effect"',
      'const a = (self: Effect<void>) => timeoutFail(self, { duration: 5, onTimeout: () => "late" })'
    ],
    [
      'import * as EffectEffect from "effect/Effect"',
      'import { type Effect } from "effect/Effect"',
      'const a = (self: Effect<void>) => EffectEffect.timeoutOrElse(self, { duration: 5, orElse: () => EffectEffect.fail("late") })'
    ]
  ),
  rewritten(
    "keeps the comments of the imports that it replaces",
    [
      "/** The module. */",
      'import { join } from "node:path"',
      "// First.",
      either,
      "// Second.",
      effect,
      "const a = [join, Effect.fork, Either.left]"
    ],
    [
      "/** The module. */",
      'import { join } from "node:path"',
      "// First.",
      effect,
      result,
      "// Second.",
      "const a = [join, Effect.forkChild, Result.fail]"
    ]
  ),
  unchanged("keeps a file without imports of Effect", "const Either = { left: 1 }", "export const a = Either.left")
]
