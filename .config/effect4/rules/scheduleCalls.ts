/** Calls of `effect/Schedule`. */
import ts from "typescript"
import { valuesOf, type Rule, type Rules } from "./syntax.js"

/** `intersect(a, b)` becomes `max([a, b])`, also as an argument of `pipe`. */
const combined =
  (name: string): Rule =>
  (call, { render, use }) => {
    const args = call.arguments.map(render)
    const schedule = use("effect/Schedule")
    return args.length === 1
      ? `(self) => ${schedule}.${name}([self, ${args[0]}])`
      : `${schedule}.${name}([${args.join(", ")}])`
  }

/** The limit of `upTo` is an option. */
const upTo: Rule = (call, { render, use }) => {
  const args = call.arguments.map(render)
  const last = call.arguments.at(-1)
  if (last === undefined || ts.isObjectLiteralExpression(last)) return undefined
  return `${use("effect/Schedule")}.upTo(${[...args.slice(0, -1), `{ duration: ${args.at(-1)} }`].join(", ")})`
}

/** A function of output and delay becomes an effect of the step's metadata. */
const modifyDelay =
  (isEffect: boolean): Rule =>
  (call, { render, use }) => {
    const args = call.arguments.map(render)
    const delay = `(${args.at(-1)})(output, duration)`
    const body = isEffect ? delay : `${use("effect/Effect")}.succeed(${delay})`
    const change = `({ duration, output }) => ${body}`
    return `${use("effect/Schedule")}.modifyDelay(${[...args.slice(0, -1), change].join(", ")})`
  }

/** Effect 4 jitters by 20 percent only, so other bounds need a random factor. */
const jitteredWith: Rule = (call, { render, use }) => {
  const [min, max] = valuesOf(call.arguments.at(-1), "min", "max") ?? []
  if (min === undefined || max === undefined) return undefined
  const factor = `${use("effect/Random")}.nextBetween(${render(min)}, ${render(max)})`
  const times = `(factor) => ${use("effect/Duration")}.times(duration, factor)`
  const change = `({ duration }) => ${use("effect/Effect")}.map(${factor}, ${times})`
  return `${use("effect/Schedule")}.modifyDelay(${[...call.arguments.slice(0, -1).map(render), change].join(", ")})`
}

export const scheduleCalls: Rules = {
  "effect/Schedule#intersect": combined("max"),
  "effect/Schedule#jitteredWith": jitteredWith,
  "effect/Schedule#modifyDelay": modifyDelay(false),
  "effect/Schedule#modifyDelayEffect": modifyDelay(true),
  "effect/Schedule#upTo": upTo,
  "effect/Schedule#union": combined("min")
}
