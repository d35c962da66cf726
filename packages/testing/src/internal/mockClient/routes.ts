/** Chooses the step of each request by its method and URL. */
import * as Effect from "effect/Effect"
import { closest } from "./closestRoutes.js"
import { requestText } from "./history.js"
import type { Sent } from "./log.js"
import * as Responder from "./responder.js"
import { bySpecificity, identityOf, match, parse, type Pattern, type Target, targetOf } from "./routePattern.js"
import { describe, type Step } from "./step.js"

type Text<P extends string> = P extends `${infer Before}?${string}` ? Before : P

type NameOf<Segment extends string> = Segment extends `:${infer Name}` ? Name : Segment extends "*" ? "*" : never

type Names<P extends string> = P extends `${infer Segment}/${infer Rest}` ? NameOf<Segment> | Names<Rest> : NameOf<P>

/**
 * The parameters of a pattern: `{ id: string }` for `GET /users/:id`. The text that `*` matches has the name `*`.
 *
 * @since 0.1.0
 * @category models
 */
export type Params<P extends string> = string extends P
  ? Readonly<Record<string, string>>
  : { readonly [Name in Names<Text<P>>]: string }

/**
 * What a function of a route knows besides the request.
 *
 * @since 0.1.0
 * @category models
 */
export interface RouteContext<P extends string> {
  /** The parameters of the pattern, percent-decoded. */
  readonly params: Params<P>
  /** Number of earlier requests that this route matched. */
  readonly index: number
}

/**
 * A response of a route: a step, an effect of one, or a function of the request.
 *
 * @since 0.1.0
 * @category models
 */
export type RouteStep<P extends string> =
  Step | Effect.Effect<Step> | ((request: Sent, context: RouteContext<P>) => Step | Effect.Effect<Step>)

/**
 * The responses of a route. A list is used in order. Any other value is used for each request.
 *
 * @since 0.1.0
 * @category models
 */
export type Route<P extends string> = RouteStep<P> | ReadonlyArray<RouteStep<P>>

type Handler = RouteStep<string>

interface CompiledRoute {
  readonly pattern: Pattern
  readonly handlers: Handler | ReadonlyArray<Handler>
  /** Number of requests that the route matched. */
  used: number
}

const isList = (handlers: CompiledRoute["handlers"]): handlers is ReadonlyArray<Handler> => Array.isArray(handlers)

const compile = (routes: Readonly<Record<string, Route<string>>>): ReadonlyArray<CompiledRoute> => {
  const compiled = Object.entries(routes).map(([text, handlers]) => ({ pattern: parse(text), handlers, used: 0 }))
  const known = new Map<string, string>()
  for (const { pattern } of compiled) {
    const identity = identityOf(pattern)
    const other = known.get(identity)
    if (other !== undefined) {
      throw new Error(`MockClient: the routes "${other}" and "${pattern.text}" match the same requests. Remove one.`)
    }
    known.set(identity, pattern.text)
  }
  return compiled.sort((a, b) => bySpecificity(a.pattern, b.pattern))
}

const find = (
  routes: ReadonlyArray<CompiledRoute>,
  target: Target
): readonly [CompiledRoute, Readonly<Record<string, string>>] | undefined => {
  for (const route of routes) {
    const params = match(route.pattern, target)
    if (params !== undefined) return [route, params]
  }
  return undefined
}

const run = (handler: Handler, request: Sent, context: RouteContext<string>): Effect.Effect<Step> => {
  if (Effect.isEffect(handler)) return handler
  const step = typeof handler === "function" ? handler(request, context) : handler
  return Effect.isEffect(step) ? step : Effect.succeed(step)
}

const unmatchedText = (routes: ReadonlyArray<CompiledRoute>, request: Sent, target: Target): string => {
  const similar = closest(
    routes.map(({ pattern }) => pattern),
    target
  )
  const advice = similar.length === 0 ? "There are no routes." : `Closest routes: "${similar.join('", "')}".`
  const what = `no route matches request ${request.index + 1}: ${requestText(request)}`
  return `${what}. Add a route, or set the option \`unmatched\`. ${advice}`
}

const unusedOf = ({ handlers, pattern, used }: CompiledRoute): ReadonlyArray<string> => {
  const name = `"${pattern.text}"`
  if (!isList(handlers)) return used === 0 ? [`route ${name}, which had no request`] : []
  return handlers.slice(used).map((handler, index) => {
    const isStep = typeof handler === "object" && !Effect.isEffect(handler)
    return `step ${used + index + 1} of ${name}${isStep ? `: ${describe(handler)}` : ""}`
  })
}

/** Uses routes. Throws if a pattern is invalid. Without `unmatched`, a request without a route is a defect. */
export const ofRoutes = (
  patterns: Readonly<Record<string, Route<string>>>,
  unmatched: Step | undefined
): Responder.Responder => {
  const routes = compile(patterns)
  return {
    stepOf: (request, history) =>
      Effect.suspend(() => {
        const die = (code: string, text: string) => Responder.dieUnexpected(history, request, code, text)
        const target = targetOf(request)
        const found = find(routes, target)
        if (found === undefined) {
          if (unmatched !== undefined) return Effect.succeed(unmatched)
          return die("ERR_MOCK_UNEXPECTED_REQUEST", unmatchedText(routes, request, target))
        }
        const [route, params] = found
        const index = route.used++
        const { handlers } = route
        if (!isList(handlers)) return run(handlers, request, { params, index })
        const handler = handlers[index]
        const name = `the route "${route.pattern.text}"`
        return handler === undefined
          ? die("ERR_MOCK_SCRIPT_ENDED", Responder.endedText(name, handlers.length, request))
          : run(handler, request, { params, index })
      }),
    unused: () => routes.flatMap(unusedOf)
  }
}
