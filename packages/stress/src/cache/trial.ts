/** One run: the clients of several accounts, a server, and the cache or caches between them. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as HttpCache from "@countersign/client/HttpCache"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"
import { FailingStore } from "./failingStore.js"
import { ModelClock } from "./modelClock.js"
import type { Begun, Fault } from "./originServer.js"
import { OriginServer } from "./originServer.js"
import type { Account, Call, Scenario, Step } from "./scenario.js"
import { accounts, draw, languages, limits, paths } from "./scenario.js"
import { transportOf, turns } from "./transport.js"

/** Makes the caches of a run: one in memory for all accounts, and one over a store for each account. */
export interface Caches {
  readonly memory: (options: HttpCache.MemoryOptions) => HttpCache.HttpCache
  readonly persistent: (
    options: HttpCache.PersistentOptions
  ) => Effect.Effect<HttpCache.HttpCache, never, KeyValueStore.KeyValueStore>
}

/** The caches of the client. */
export const ours: Caches = { memory: HttpCache.memory, persistent: HttpCache.makePersistent }

/** Counts of a run. */
interface Counts {
  calls: number
  /** Answers that the cache had, and those of them that were stale. */
  hits: number
  stale: number
  faults: Record<Fault, number>
  /** Failures without a cause, and requests for `only-if-cached`. */
  failed: number
  sentAnyway: number
  /** The cache had more than it may hold. */
  overfull: number
}

const baseUrl = "https://api.test"

const schemes = new Map(
  accounts.map((name) => [name, Auth.makeStatic(HttpClientRequest.setHeader("authorization", name))] as const)
)
const schemeOf = (account: Account): Auth.Service<never> => schemes.get(account) ?? Auth.none

/** The response of a call, also of one that failed with it. */
const received = (error: unknown): HttpClientResponse.HttpClientResponse | undefined =>
  typeof error === "object" && error !== null && "response" in error
    ? (error.response as HttpClientResponse.HttpClientResponse | undefined) // Each error of the client with this member has a response there.
    : undefined

class Trial {
  readonly clock = new ModelClock()
  readonly counts: Counts = {
    calls: 0,
    hits: 0,
    stale: 0,
    faults: { invented: 0, foreign: 0, mixed: 0, outdated: 0, old: 0 },
    failed: 0,
    sentAnyway: 0,
    overfull: 0
  }
  readonly server: OriginServer
  readonly store: FailingStore
  readonly #scenario: Scenario
  readonly #caches: Caches
  readonly #transport: HttpClient.HttpClient
  #clients = new Map<Account, { readonly api: ApiClient.ApiClient; readonly cache: HttpCache.HttpCache }>()
  /** The version that the last change through a cache made, for each cache and URL. */
  #changed = new Map<string, number>()

  constructor(seed: number, caches: Caches) {
    this.#scenario = draw(seed)
    this.#caches = caches
    this.server = new OriginServer(this.#scenario, this.clock)
    this.store = new FailingStore(seed)
    this.#transport = transportOf(this.server)
  }

  get run(): Effect.Effect<void, unknown> {
    const all = Effect.gen(this, function* () {
      yield* this.#start
      for (const step of this.#scenario.steps) yield* this.#take(step)
      if (!this.#scenario.isPersistent) yield* this.#countStored
    })
    return Effect.withClock(Effect.scoped(all), this.clock).pipe(Effect.provide(Logger.remove(Logger.defaultLogger)))
  }

  /** Starts a process: its caches and clients. */
  get #start(): Effect.Effect<void, unknown, Scope.Scope> {
    return Effect.gen(this, function* () {
      const shared = this.#caches.memory(limits)
      for (const account of accounts) {
        const cache = this.#scenario.isPersistent
          ? yield* Effect.provideService(
              this.#caches.persistent({ account, maxEntries: 5 }),
              KeyValueStore.KeyValueStore,
              this.store.store
            )
          : shared
        const api = yield* ApiClient.make({
          baseUrl,
          auth: schemeOf(account),
          cache,
          retry: false,
          timeout: { call: false, exchange: false }
        }).pipe(Effect.provideService(HttpClient.HttpClient, this.#transport))
        this.#clients.set(account, { api, cache })
      }
    })
  }

  #take(step: Step): Effect.Effect<void, unknown, Scope.Scope> {
    switch (step._tag) {
      case "Calls":
        return Effect.forEach(step.calls, (call) => this.#call(call), { concurrency: "unbounded", discard: true })
      case "Pass":
        return Effect.sync(() => this.clock.pass(step.ms))
      case "SetClock":
        return Effect.sync(() => this.clock.set(step.ms))
      case "Outage":
        return Effect.sync(() => void (this.server.isDown = step.isDown))
      case "StoreFails":
        return Effect.sync(() => void (this.store.isFailing = step.isFailing))
      case "Clear":
        return Effect.forEach(this.#clients.values(), ({ cache }) => cache.clear, { discard: true })
      case "Restart":
        // A new process cannot know which changes the store has lost.
        if (!this.#scenario.isPersistent || this.store.hasLostChanges) this.#changed = new Map()
        return this.#start
    }
  }

  #changeKey(call: Call): string {
    return `${this.#scenario.isPersistent ? call.account : ""} ${call.path}`
  }

  #send({ account, directive, language, method, path, way }: Call) {
    const headers = {
      "accept-language": language,
      ...(directive !== undefined && { "cache-control": directive }),
      ...(way === "header" && { authorization: account })
    }
    const api = this.#clients.get(way === "client" || this.#scenario.isPersistent ? account : "alice")?.api
    if (api === undefined) throw new Error("the client has not started")
    const auth = schemeOf(account)
    if (way === "call") return api.request(method, path, { headers, auth })
    if (way === "with") return api.with({ auth }).request(method, path, { headers })
    // The scheme of the client would replace the field.
    if (way === "header") return api.request(method, path, { headers, auth: Auth.none })
    return api.request(method, path, { headers })
  }

  #call(call: Call): Effect.Effect<void> {
    return Effect.gen(this, function* () {
      this.counts.calls += 1
      const begun = { call, nth: this.server.count, minVersion: this.#changed.get(this.#changeKey(call)) ?? 0 }
      const fiber = yield* Effect.fork(Effect.exit(Effect.suspend(() => this.#send(call))))
      if (call.interruptedAfter === undefined) {
        const exit = yield* Fiber.join(fiber)
        if (exit._tag === "Success") yield* this.#judge(begun, exit.value)
        else if (exit.cause._tag === "Fail") yield* this.#judgeFailure(begun, exit.cause.error)
        else this.counts.failed += 1
        if (isChange(call))
          this.#noteChange(call, exit._tag === "Success" ? exit.value.headers["x-version"] : undefined)
      } else {
        yield* turns(call.interruptedAfter)
        yield* Fiber.interrupt(fiber)
        if (isChange(call)) this.#noteChange(call, undefined)
      }
    })
  }

  /**
   * After a change, this cache may have no earlier version. Without an answer, the change may have been made. Then another cache over the
   * store may have made the current version, and not this one.
   */
  #noteChange(call: Call, version: string | undefined): void {
    const made = version ?? (this.#scenario.isPersistent ? undefined : this.server.versionOf(call.path))
    if (made !== undefined) this.#changed.set(this.#changeKey(call), Number(made))
  }

  #judgeFailure(begun: Begun, error: unknown): Effect.Effect<void> {
    const response = received(error)
    if (response?.headers["x-key"] !== undefined) return this.#judge(begun, response)
    const isExpected =
      this.server.isDown ||
      response?.status === 422 ||
      (response?.status === 504 && isLocal(begun.call)) ||
      isChange(begun.call)
    return Effect.sync(() => {
      if (!isExpected) this.counts.failed += 1
    })
  }

  #judge(begun: Begun, response: HttpClientResponse.HttpClientResponse): Effect.Effect<void> {
    const { call } = begun
    if (isChange(call)) return Effect.void
    return Effect.map(
      Effect.orElseSucceed(response.text, () => "unreadable"),
      (text) => {
        const { headers, status } = response
        const status304 = headers["cache-status"]
        if (status304?.includes("; hit") === true) this.counts.hits += 1
        if (status304?.includes("detail=stale") === true) this.counts.stale += 1
        const key = headers["x-key"] ?? ""
        const fault = this.server.faultOf(begun, key, status, call.method === "HEAD" ? undefined : text)
        if (fault !== undefined) this.counts.faults[fault] += 1
      }
    )
  }

  /** Reads all that is stored, without a request, and compares it with the limits. */
  get #countStored(): Effect.Effect<void> {
    return Effect.gen(this, function* () {
      const keys = accounts.flatMap((account) => paths.map((path) => ({ account, path })))
      this.server.isDown = false
      for (const key of keys) yield* Effect.ignore(this.#get(key.account, key.path, "en"))
      // For validations in the background.
      yield* turns(50)
      const before = this.server.count
      const entries = new Set<string>()
      /** An answer that does not depend on the language is found twice. */
      const sizes = new Map<string, number>()
      for (const { account, path } of keys)
        for (const language of languages) {
          const found = yield* this.#stored(account, path, language)
          if (found === undefined) continue
          entries.add(`${account} ${path}`)
          sizes.set(found.key, found.bytes)
        }
      const bytes = [...sizes.values()].reduce((sum, one) => sum + one, 0)
      if (bytes > limits.maxBytes || entries.size > limits.maxEntries) this.counts.overfull += 1
      this.counts.sentAnyway += this.server.count - before
    })
  }

  #get(account: Account, path: string, language: string, directive = "max-stale=0") {
    const api = this.#clients.get(account)?.api
    if (api === undefined) throw new Error("the client has not started")
    return api.get(path, { headers: { "accept-language": language, "cache-control": directive } })
  }

  /** A stored answer, without a request. Undefined if none is stored. */
  #stored(account: Account, path: string, language: string) {
    const read = (directive: string) =>
      Effect.catchAll(this.#get(account, path, language, directive), (error) => Effect.succeed(received(error)))
    return Effect.gen(function* () {
      // A use that the server wants to be validated must send nothing either.
      yield* read("only-if-cached")
      const response = yield* read("only-if-cached, max-stale")
      const key = response?.headers["x-key"]
      if (response === undefined || key === undefined) return undefined
      return { key, bytes: (yield* Effect.orElseSucceed(response.text, () => "")).length }
    })
  }
}

const isChange = ({ method }: Call): boolean => method === "PUT" || method === "DELETE"

const isLocal = ({ directive }: Call): boolean => directive === "only-if-cached"

/** Result of a run. */
export interface Result {
  readonly counts: Counts
  readonly requests: number
  readonly confirmed: number
  readonly failedWrites: number
}

/** Runs the scenario of a seed. */
export const run = (seed: number, caches: Caches): Effect.Effect<Result, unknown> =>
  Effect.suspend(() => {
    const trial = new Trial(seed, caches)
    return Effect.map(trial.run, () => ({
      counts: trial.counts,
      requests: trial.server.count,
      confirmed: trial.server.confirmed,
      failedWrites: trial.store.failedWrites
    }))
  })
