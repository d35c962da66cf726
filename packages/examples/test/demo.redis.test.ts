/** The demo of processes that share a token and a throttle in Redis. */
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as RedisServer from "@countersign/testing/RedisServer"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { FleetResult } from "../src/demo/fleet/fleet.js"
import * as FleetReport from "../src/demo/fleet/FleetReport.js"

const hasRedis = Either.isRight(Effect.runSync(Effect.either(RedisServer.available)))

const root = fileURLToPath(new URL("../../..", import.meta.url))

/** Runs the demo's command. Returns its exit status, and what it wrote. */
const command = (...args: ReadonlyArray<string>): Promise<{ readonly status: number | null; readonly text: string }> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [".config/run.mjs", "tsx", "packages/examples/src/demo/main.ts", ...args], {
      cwd: root
    })
    let text = ""
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (text += data.toString()))
    child.on("close", (status) => resolve({ status, text }))
  })

describe.concurrent("The demo with Redis", () => {
  it.live.skipIf(!hasRedis)("shows three processes with one token request, which all wait after the 429 of one", () =>
    Effect.gen(function* () {
      const { url } = yield* RedisServer.make()
      const { status, text } = yield* Effect.promise(() => command("--redis", url))
      expect(status).toBe(0)
      expect(text).toMatch(/^ +\d+ ms {2}1 ← 429$/m)
      expect(text).toMatch(/^ +\d+ ms {36}2 ░+ throttled for \d+ ms$/m)
      expect(text).toContain("✓ Three processes: 1 token request, and 3 of 3 waited for the 429 of process 1.")
    }).pipe(Effect.scoped)
  )

  it("prints the errors of processes, and all results as JSON", () => {
    const observed = { statuses: [[200], [], [200]], tokenRequests: 2, waited: 1, errors: ["It failed."] }
    const result: FleetResult = {
      ok: false,
      observed,
      timeline: [{ process: 2, event: { _tag: "TokenRequested", at: 5 } }]
    }
    expect(FleetReport.text(result).split("\n")).toEqual([
      `      0 ms  ${" ".repeat(34)}2 ⟳ token requested`,
      "",
      "✗ Three processes: 2 token requests, and 1 of 3 waited for the 429 of process 1.",
      "  It failed."
    ])
    expect(JSON.parse(FleetReport.json(result))).toEqual(result)
  })

  it.each<[what: string, args: ReadonlyArray<string>, message: string]>([
    ["an address without a server", ["--redis", "redis://127.0.0.1:1"], "Redis does not respond at the address"],
    ["a URL of another scheme", ["--redis", "http://u:secret@x"], "`url` is invalid. Set a URL such as"],
    [
      "a base URL beside it",
      ["--redis", "redis://127.0.0.1:1", "--base-url", "http://x"],
      "`--redis` starts its own API. Remove `--base-url`."
    ]
  ])("fails with one sentence for %s", async (_, args, message) => {
    const { status, text } = await command(...args)
    expect(status).toBe(1)
    expect(text).toContain(message)
    expect(text).not.toContain("secret")
    expect(text).not.toMatch(/^ {4}at /m)
  })
})
