/** Batches of processes that are killed: how often a server acts for each item. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { folder } from "./support/folder.js"
import { nextLine, run } from "./support/program.js"
import { serve, until } from "./support/server.js"

const count = 60

const Outcomes = Schema.parseJson(Schema.Array(Schema.Tuple(Schema.String, Schema.String)))

/** A server that acts once for each request, or for each idempotency key. */
const orderServer = (recognisesKeys: boolean) =>
  Effect.gen(function* () {
    const acted = new Map<string, number>()
    const keys = new Set<unknown>()
    let requests = 0
    const server = yield* serve((request, response) => {
      requests++
      const id = request.url?.split("/").at(-1) ?? ""
      const key = request.headers["idempotency-key"]
      if (!recognisesKeys || !keys.has(key)) acted.set(id, (acted.get(id) ?? 0) + 1)
      keys.add(key)
      setTimeout(() => response.end("{}"), 5)
    })
    return { acted, url: server.url, requests: () => requests }
  })

/** Kills a process of the batch after each of the numbers of requests, and lets the last one end. */
const runWithKills = (repeat: "never" | "withKey") =>
  Effect.gen(function* () {
    const place = yield* folder
    const server = yield* orderServer(repeat === "withKey")
    const args = [server.url, place, repeat, String(count)] as const
    for (const further of [3, 10, 1, 20]) {
      const limit = server.requests() + further
      const killed = yield* run("sendOrders", ...args)
      yield* until(() => server.requests() >= limit)
      killed.signal("SIGKILL")
      yield* Effect.promise(() => killed.end)
    }
    const last = yield* run("sendOrders", ...args)
    const outcomes = yield* Schema.decodeUnknown(Outcomes)(yield* nextLine(last))
    return { acted: server.acted, outcomes }
  })

describe("Batch", () => {
  it.live("acts at most once for each item when its process is killed four times", () =>
    Effect.gen(function* () {
      const { acted, outcomes } = yield* runWithKills("never")
      expect(outcomes).toHaveLength(count)
      expect(Math.max(...acted.values())).toBe(1)
      const unknown = outcomes.filter(([, tag]) => tag === "Unknown")
      // Four calls are under way when a process is killed.
      expect(unknown.length).toBeGreaterThan(0)
      expect(unknown.length).toBeLessThanOrEqual(16)
      for (const [id, tag] of outcomes) if (tag !== "Unknown") expect([id, acted.get(id)]).toEqual([id, 1])
    }).pipe(Effect.scoped)
  )

  it.live("repeats calls that were under way with their stored idempotency keys, and acts once for each item", () =>
    Effect.gen(function* () {
      const { acted, outcomes } = yield* runWithKills("withKey")
      expect([...acted.values()].every((times) => times === 1)).toBe(true)
      const unknown = outcomes.filter(([, tag]) => tag === "Unknown")
      // The platform's store damages a record that it writes when the process is killed. Its call is not repeated.
      expect(unknown.length).toBeLessThanOrEqual(4)
      for (const [id, tag] of outcomes) if (tag !== "Unknown") expect([id, acted.get(id)]).toEqual([id, 1])
    }).pipe(Effect.scoped)
  )
})
