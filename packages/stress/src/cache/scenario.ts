/** The events of a run, drawn from its seed before the run starts. */
import { PCGRandom } from "effect/Utils"

export const accounts = ["alice", "bob", "carol"] as const
export const languages = ["en", "de"] as const

/** Paths of the server. A cache of {@link limits} does not hold the responses of all of them. */
export const paths = ["/a", "/a?q=1", "/a/b", "/b?x=%20y", "/c"] as const

/** Limits of the cache in memory. */
export const limits = { maxBytes: 24_000, maxEntries: 7 } as const

export type Account = (typeof accounts)[number]
type Language = (typeof languages)[number]

/** How the account of a request is given: by the client, by a call, by a derived client, or by a field of the caller. */
const ways = ["client", "client", "client", "client", "call", "call", "with", "header"] as const

const directives = [
  ...Array.from({ length: 20 }, () => undefined),
  "no-cache",
  "no-store",
  "max-age=5",
  "min-fresh=3",
  "max-stale=30",
  "max-stale",
  "only-if-cached"
] as const

/** Most requests read. */
const methods = [...Array.from({ length: 12 }, () => "GET" as const), "HEAD", "PUT", "DELETE"] as const

/** One request of a client. */
export interface Call {
  readonly account: Account
  readonly way: (typeof ways)[number]
  readonly path: string
  readonly method: (typeof methods)[number]
  readonly language: Language
  readonly directive: (typeof directives)[number]
  /** Turns after which the caller is interrupted. Undefined if it is not. */
  readonly interruptedAfter: number | undefined
}

/** What happens next. The calls of a group are made at the same time. */
export type Step =
  | { readonly _tag: "Calls"; readonly calls: ReadonlyArray<Call> }
  | { readonly _tag: "Pass"; readonly ms: number }
  | { readonly _tag: "SetClock"; readonly ms: number }
  | { readonly _tag: "Outage"; readonly isDown: boolean }
  | { readonly _tag: "StoreFails"; readonly isFailing: boolean }
  | { readonly _tag: "Restart" }
  | { readonly _tag: "Clear" }

/** How the server treats the responses of a path. */
interface Resource {
  readonly control: ReadonlyArray<string>
  readonly vary: string | undefined
  readonly hasEtag: boolean
}

/** All parameters of a run. */
export interface Scenario {
  readonly isPersistent: boolean
  readonly resources: ReadonlyMap<string, Resource>
  readonly steps: ReadonlyArray<Step>
}

const controls: ReadonlyArray<ReadonlyArray<string>> = [
  ["max-age=30"],
  ["max-age=30, stale-while-revalidate=30"],
  ["max-age=10"],
  ["max-age=10"],
  ["max-age=2"],
  ["max-age=3", "max-age=20"],
  ["max-age=10", "no-store"],
  ["max-age=2, stale-while-revalidate=20"],
  ["max-age=2, stale-if-error=60"],
  ["max-age=2, stale-if-error=60, must-revalidate"],
  ["max-age=4, stale-while-revalidate=30, stale-if-error=30"],
  ["no-cache"],
  ["no-store"],
  ["max-age=0"]
]

const varies = [
  undefined,
  undefined,
  undefined,
  "accept-language",
  "accept-language",
  "Accept-Language, accept",
  "*"
] as const

const passes = [0, 500, 500, 1000, 1000, 1500, 2000, 2500, 5000, 12_000, 40_000] as const

/** A later process has only the wall clock. It notices that the clock was set back if a response is from the future. */
const hour = 3_600_000

const stepsOfRun = 60

/** A change is interesting for those that read before and after it. */
const withReadings = (step: Step): ReadonlyArray<Step> => {
  if (step._tag !== "Calls") return [step]
  const changes = step.calls.filter(({ method }) => method === "PUT" || method === "DELETE")
  const calls = changes.map((call): Call => ({
    ...call,
    way: "client",
    method: "GET",
    directive: undefined,
    interruptedAfter: undefined
  }))
  const reading: Step = { _tag: "Calls", calls }
  return changes.length === 0 ? [step] : [reading, step, reading]
}

/** Draws a scenario. */
export const draw = (seed: number): Scenario => {
  const chance = new PCGRandom(seed, 1)
  const isPersistent = seed % 2 === 1
  const oneOf = <A>(values: ReadonlyArray<A>): A => values[chance.integer(values.length)] as A // The list is not empty, and the index is one of it.
  const isLucky = (share: number): boolean => chance.number() < share
  const call = (): Call => ({
    account: isLucky(0.6) ? "alice" : oneOf(accounts),
    way: oneOf(ways),
    path: isLucky(0.5) ? "/a" : oneOf(paths),
    method: oneOf(methods),
    language: oneOf(languages),
    directive: oneOf(directives),
    interruptedAfter: isLucky(0.1) ? chance.integer(6) : undefined
  })
  const group = (): Step => {
    const first = call()
    const others = Array.from({ length: chance.integer(4) }, () => (isLucky(0.4) ? { ...first } : call()))
    return { _tag: "Calls", calls: [first, ...others] }
  }
  const step = (): Step => {
    const at = chance.integer(40)
    if (at < 24) return group()
    if (at < 34) return { _tag: "Pass", ms: oneOf(passes) }
    if (at < 36) return { _tag: "Outage", isDown: isLucky(0.5) }
    if (at < 38) return { _tag: "StoreFails", isFailing: isLucky(0.7) }
    if (at === 38) return isLucky(0.2) ? { _tag: "Clear" } : { _tag: "Restart" }
    return { _tag: "SetClock", ms: oneOf(isPersistent ? [-hour, hour] : [-60_000, -1000, 1000, 60_000]) }
  }
  return {
    isPersistent,
    resources: new Map(
      paths.map((path) => [
        path,
        { control: oneOf(controls), vary: oneOf(varies), hasEtag: isLucky(0.6) } satisfies Resource
      ])
    ),
    steps: Array.from({ length: stepsOfRun }, step).flatMap(withReadings)
  }
}
