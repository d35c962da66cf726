// Caches and figures that fail the assertions of the case `cache`. `.ci/run` runs its short form.
import * as Auth from "@countersign/client/Auth"
import type { CacheClient } from "@countersign/client/HttpCache"
import * as HttpCache from "@countersign/client/HttpCache"
import * as Policy from "@countersign/client/Policy"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Cache from "../src/cache/cache.js"
import { ours, type Caches } from "../src/cache/trial.js"
import * as Stress from "../src/Stress.js"
import { expectEachBroken } from "./support/assertions.js"

const short: Stress.Run = { short: true, reportProgress: () => Effect.void }

/** The assertions that some caches fail in 24 runs. */
const broken = (caches: Partial<Caches>) =>
  Effect.map(Cache.measure({ ...ours, ...caches }, 24)(short), (figures) => Stress.check(Cache.assertions, figures))

/** A cache in memory, the policies of which are changed. */
const changed =
  (change: (policy: Policy.Policy, client: CacheClient) => Policy.Policy): Caches["memory"] =>
  (options) => {
    const cache = HttpCache.memory(options)
    return { ...cache, policyFor: (client) => change(cache.policyFor(client), client) }
  }

/** Changes the responses before the cache gets them. */
const seeing = (fields: Readonly<Record<string, string>>, without: ReadonlyArray<string> = []): Caches["memory"] =>
  changed((policy) => (client) => {
    const changing = Policy.make((request, next) =>
      Effect.flatMap(next(request), (response) =>
        Effect.map(
          Effect.orElseSucceed(response.text, () => ""),
          (text) => {
            const headers = Object.entries({ ...response.headers, ...fields })
            const { status } = response
            return HttpClientResponse.fromWeb(
              request,
              new Response(status === 204 || status === 304 ? null : text, {
                status,
                headers: headers.filter(([name]) => !without.includes(name))
              })
            )
          }
        )
      )
    )
    return policy(changing(client))
  })

/** Changes what the caller gets from the cache. */
const answering = (change: (text: string) => string): Caches["memory"] =>
  changed((policy) => (client) => {
    const changing = Policy.make((request, next) =>
      Effect.flatMap(next(request), (response) =>
        response.headers["cache-status"] === undefined
          ? Effect.succeed(response)
          : Effect.map(
              Effect.orElseSucceed(response.text, () => ""),
              (text) => HttpClientResponse.fromWeb(request, new Response(change(text), response))
            )
      )
    )
    return changing(policy(client))
  })

const isChange = ({ method }: HttpClientRequest.HttpClientRequest): boolean => method === "PUT" || method === "DELETE"

const lasting = { "cache-control": "max-age=100000" }

const mutants: ReadonlyArray<readonly [what: string, caches: Partial<Caches>, assertion: string]> = [
  [
    "gives each account the answers of all",
    {
      memory: (options) => {
        const cache = HttpCache.memory(options)
        return { ...cache, policyFor: (client) => cache.policyFor({ ...client, auth: Auth.none }) }
      }
    },
    "no account gets an answer of another one"
  ],
  ["ignores Vary", { memory: seeing({}, ["vary"]) }, "no answer is that of another URL or language"],
  ["ignores the lifetime", { memory: seeing(lasting) }, "no answer is older than the server and the caller allow"],
  [
    "ignores Cache-Control of the caller",
    {
      memory: changed(
        (policy) => (client) => HttpClient.mapRequest(policy(client), HttpClientRequest.setHeader("cache-control", ""))
      )
    },
    "no answer is older than the server and the caller allow"
  ],
  [
    "does not notice changes",
    {
      memory: changed(
        (policy) => (client) =>
          HttpClient.transform(policy(client), (cached, request) =>
            isChange(request) ? client.execute(request) : cached
          )
      )
    },
    "no answer is from before a change by the same client"
  ],
  ["cuts bodies", { memory: answering((text) => text.slice(0, -1)) }, "the server has sent each answer"],
  [
    "has no limits",
    { memory: () => HttpCache.memory({ maxBytes: 1e9, maxEntries: 1e6 }) },
    "the cache holds no more than its limits"
  ],
  [
    "does not see that a removal failed",
    {
      persistent: (options) =>
        Effect.flatMap(KeyValueStore.KeyValueStore, (store) =>
          Effect.provideService(HttpCache.makePersistent(options), KeyValueStore.KeyValueStore, {
            ...store,
            remove: (key) => Effect.ignore(store.remove(key))
          })
        )
    },
    "no answer is from before a change by the same client"
  ]
]

describe("cache", () => {
  it.live.each(mutants)("catches a cache that %s", ([, caches, assertion]) =>
    Effect.gen(function* () {
      expect(yield* broken(caches)).toContain(assertion)
    })
  )

  it("rejects each bad figure", () => {
    const good: Cache.CacheFigures = {
      runs: 10,
      calls: 100,
      requests: 90,
      hits: 10,
      stale: 1,
      confirmed: 1,
      failedWrites: 1,
      foreign: 0,
      mixed: 0,
      invented: 0,
      outdated: 0,
      old: 0,
      overfull: 0,
      sentAnyway: 0,
      failed: 0,
      firstWrongSeed: "none",
      seconds: 1
    }
    const zero = ["hits", "stale", "confirmed", "failedWrites"] as const
    const one = ["foreign", "mixed", "invented", "outdated", "old", "overfull", "sentAnyway", "failed"] as const
    const bad = [...zero.map((name) => ({ ...good, [name]: 0 })), ...one.map((name) => ({ ...good, [name]: 1 }))]
    expectEachBroken(Cache.assertions, good, bad)
  })
})
