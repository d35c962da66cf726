/** Calls of `effect/Effect` and of modules that run effects. */
import ts from "typescript"
import type { Rewriting } from "../codemod.js"
import { called, calleeOf, valuesOf, type Rule, type Rules, isPiped } from "./syntax.js"

const timeoutFail: Rule = (call, rewriting) => {
  const values = valuesOf(call.arguments.at(-1), "duration", "onTimeout")
  const [duration, onTimeout] = values ?? []
  if (duration === undefined || onTimeout === undefined) return undefined
  const effect = rewriting.use("effect/Effect")
  const orElse = `() => ${effect}.fail(${called(onTimeout, rewriting)})`
  const changed = `{ duration: ${rewriting.render(duration)}, orElse: ${orElse} }`
  return `${effect}.timeoutOrElse(${[...call.arguments.slice(0, -1).map(rewriting.render), changed].join(", ")})`
}

const timeoutTo: Rule = (call, rewriting) => {
  const [self, options] = call.arguments
  const [duration, onSuccess, onTimeout] = valuesOf(options, "duration", "onSuccess", "onTimeout") ?? []
  if (self === undefined || duration === undefined || onSuccess === undefined || onTimeout === undefined)
    return undefined
  const effect = rewriting.use("effect/Effect")
  const mapped = `${effect}.map(${rewriting.render(self)}, ${rewriting.render(onSuccess)})`
  const orElse = `() => ${effect}.succeed(${called(onTimeout, rewriting)})`
  return `${effect}.timeoutOrElse(${mapped}, { duration: ${rewriting.render(duration)}, orElse: ${orElse} })`
}

const tapBoth: Rule = (call, { render, use }) => {
  const [onFailure, onSuccess] = valuesOf(call.arguments.at(-1), "onFailure", "onSuccess") ?? []
  if (onFailure === undefined || onSuccess === undefined) return undefined
  const effect = use("effect/Effect")
  const [self] = call.arguments.slice(0, -1).map(render)
  if (self !== undefined)
    return `${effect}.tap(${effect}.tapError(${self}, ${render(onFailure)}), ${render(onSuccess)})`
  return isPiped(call) ? `${effect}.tapError(${render(onFailure)}), ${effect}.tap(${render(onSuccess)})` : undefined
}

/** A handler with an optional result becomes one for all values, which fails again without a result. */
const catchSome =
  (name: string, again: string): Rule =>
  (call, { render, use }) => {
    const args = call.arguments.map(render)
    const effect = use("effect/Effect")
    const handler = `(caught) => ${use("effect/Option")}.getOrElse((${args.at(-1)})(caught), () => ${effect}.${again}(caught))`
    return `${effect}.${name}(${[...args.slice(0, -1), handler].join(", ")})`
  }

/** An effect that can be interrupted without a wait for its end. */
const disconnected = (self: string, { use }: Rewriting): string => {
  const [effect, fiber] = [use("effect/Effect"), use("effect/Fiber")]
  const interrupt = `() => ${effect}.sync(() => { running.interruptUnsafe() })`
  const joined = `${effect}.onInterrupt(restore(${fiber}.join(running)), ${interrupt})`
  return `${effect}.uninterruptibleMask((restore) => ${effect}.flatMap(${effect}.forkDetach(restore(${self})), (running) => ${joined}))`
}

const disconnect: Rule = (call, rewriting) => {
  const [self] = call.arguments
  return self === undefined ? undefined : disconnected(rewriting.render(self), rewriting)
}

/** `Effect.disconnect` as an argument of `pipe`. */
export const disconnectFunction = (rewriting: Rewriting): string =>
  `<A, E, R>(self: ${rewriting.use("effect/Effect")}.Effect<A, E, R>) => ${disconnected("self", rewriting)}`

const mapInputContext: Rule = (call, { render, use }) => {
  const change = call.arguments.at(-1)
  if (change === undefined || !ts.isArrowFunction(change)) return undefined
  const [context] = change.parameters
  if (context === undefined || ts.isBlock(change.body)) return undefined
  const effect = use("effect/Effect")
  const [self = "self"] = call.arguments.slice(0, -1).map(render)
  const made = `${effect}.contextWith((${render(context)}) => ${effect}.provideContext(${self}, ${render(change.body)}))`
  return call.arguments.length === 1 ? `(self) => ${made}` : made
}

const withClock: Rule = (call, { render, use }) => {
  const args = call.arguments.map(render)
  const clock = `${use("effect/Clock")}.Clock`
  return `${use("effect/Effect")}.provideService(${[...args.slice(0, -1), clock, args.at(-1)].join(", ")})`
}

const gen: Rule = (call, rewriting) => {
  const [self, body] = call.arguments
  if (self === undefined || body === undefined || self.kind !== ts.SyntaxKind.ThisKeyword) return undefined
  return `${calleeOf(call, rewriting)}({ self: this }, ${rewriting.render(body)})`
}

const interruptFork: Rule = (call, { render, use }) =>
  `${use("effect/Effect")}.sync(() => { ${call.arguments.map(render).join(", ")}.interruptUnsafe() })`

/** `Runtime.runFork(runtime, effect)` becomes `Effect.runForkWith(context)(effect)`. */
const runWith =
  (name: string): Rule =>
  (call, { render, use }) => {
    const [context, ...rest] = call.arguments.map(render)
    return rest.length === 0 ? undefined : `${use("effect/Effect")}.${name}(${context})(${rest.join(", ")})`
  }

/** `Runtime.runFork(runtime)(effect, { immediate: false })`: the fiber of Effect 4 starts at once, so it yields first. */
const runForkLater: Rule = (call, rewriting) => {
  const [effect, options] = call.arguments
  const [immediate] = valuesOf(options, "immediate") ?? []
  if (effect === undefined || immediate?.kind !== ts.SyntaxKind.FalseKeyword) return undefined
  const module = rewriting.use("effect/Effect")
  return `${rewriting.render(call.expression)}(${module}.andThen(${module}.yieldNow, ${rewriting.render(effect)}))`
}

export const effectCalls: Rules = {
  "effect/Effect#catchSomeCause": catchSome("catchCause", "failCause"),
  "effect/Effect#catchSomeDefect": catchSome("catchDefect", "die"),
  "effect/Effect#disconnect": disconnect,
  "effect/Effect#gen": gen,
  "effect/Effect#mapInputContext": mapInputContext,
  "effect/Effect#tapBoth": tapBoth,
  "effect/Effect#timeoutFail": timeoutFail,
  "effect/Effect#timeoutTo": timeoutTo,
  "effect/Effect#withClock": withClock,
  "effect/Effect#yieldNow": (_, { use }) => `${use("effect/Effect")}.yieldNow`,
  "effect/Fiber#interruptFork": interruptFork,
  "effect/Runtime#runFork": runWith("runForkWith"),
  "effect/Runtime#runPromiseExit": runWith("runPromiseExitWith")
}

export const curriedEffectCalls: Rules = {
  "effect/Runtime#runFork": runForkLater
}
