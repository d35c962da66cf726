/** The HTTP cache tests: the documented scores, and broken caches that they must find. */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type * as HttpCache from "@countersign/client/HttpCache"
import * as Policy from "@countersign/client/Policy"
import * as NodeTransport from "@countersign/node/NodeTransport"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { exceptions } from "../src/cacheTests/Score.js"
import * as Suite from "../src/cacheTests/Suite.js"
import { cacheTests, memory, runSuite } from "../src/cases/cacheTests.js"

const page = readFileSync(new URL("../../../docs/reference/conformance.md", import.meta.url), "utf8")

const run = (suite: string, cache: Effect.Effect<HttpCache.HttpCache>) =>
  Effect.runPromise(Effect.provide(Effect.scoped(runSuite(suite, cache)), NodeTransport.layer))

/** The row of a suite in the document, as the text of its score. */
const documentedScore = (suite: string): string => {
  const row = page.split("\n").find((line) => line.startsWith(`| \`cache/${suite}\``))
  const [, , required, optimal, check, inconclusive] = (row ?? "").split("|").map((cell) => cell.trim())
  return `required ${required}, optimal ${optimal}, check ${check}, inconclusive ${inconclusive}`
}

/** Stores each response for ever, whatever the server says. */
const keepsForever = Effect.sync((): HttpCache.HttpCache => {
  const kept = new Map<string, HttpClientResponse>()
  return {
    policyFor: () =>
      Policy.make((request, next) => {
        const response = kept.get(request.url)
        return request.method === "GET" && response !== undefined
          ? Effect.succeed(response)
          : Effect.tap(next(request), (received) => Effect.sync(() => void kept.set(request.url, received)))
      }),
    clear: Effect.void
  }
})

/** Stores nothing. */
const storesNothing = Effect.succeed<HttpCache.HttpCache>({
  policyFor: () => Policy.make((request, next) => next(request)),
  clear: Effect.void
})

describe("cache-tests", () => {
  const suites = cacheTests.map(({ name }) => name.replace("cache/", ""))

  it.concurrent.each(suites)("has the documented score in %s, and no required case fails", async (suite) => {
    const { text, wrong } = await run(suite, memory)
    expect(wrong).toEqual([])
    expect(text).toBe(documentedScore(suite))
  })

  it.concurrent.each(["cc-freshness", "expires", "cc-response", "vary", "invalidation", "headers", "other"])(
    "finds a cache that stores for ever in %s",
    async (suite) => {
      expect((await run(suite, keepsForever)).wrong).not.toEqual([])
    }
  )

  it.concurrent.each(["cc-freshness", "expires"])("finds a cache that stores nothing in %s", async (suite) => {
    const { text, wrong } = await run(suite, storesNothing)
    expect(wrong).toEqual([])
    expect(text).toContain("optimal 0 of")
  })

  it("documents each exception", async () => {
    const ids = new Set((await Effect.runPromise(Suite.load)).map(({ id }) => id))
    for (const id of Object.keys(exceptions)) {
      expect(ids).toContain(id)
      expect(page).toContain(id)
    }
  })
})
