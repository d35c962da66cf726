/** Calls of `effect/Stream`. */
import type { Rule, Rules } from "./syntax.js"

/** An effect with an `Option` as its error, where `None` ends the stream, fails with `Cause.Done()` instead. */
const repeatOption =
  (name: string): Rule =>
  (call, { render, use }) => {
    const end = `${use("effect/Option")}.isNone(end) ? ${use("effect/Cause")}.Done() : end.value`
    const pull = `${use("effect/Effect")}.mapError(${call.arguments.map(render).join(", ")}, (end) => ${end})`
    return `${use("effect/Stream")}.${name}(${pull})`
  }

const mapConcatChunk: Rule = (call, { render, use }) => {
  const stream = use("effect/Stream")
  return call.arguments.length === 2
    ? `${stream}.flattenIterable(${stream}.map(${call.arguments.map(render).join(", ")}))`
    : undefined
}

export const streamCalls: Rules = {
  "effect/Stream#mapConcatChunk": mapConcatChunk,
  "effect/Stream#repeatEffectChunkOption": repeatOption("fromIterableEffectRepeat"),
  "effect/Stream#repeatEffectOption": repeatOption("fromEffectRepeat")
}
