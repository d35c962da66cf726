/** Failovers of the embedded PostgreSQL servers: what they keep, and what they lose. */
import * as PostgresReplication from "@countersign/testing/PostgresReplication"
import type * as PostgresServer from "@countersign/testing/PostgresServer"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { execFile } from "node:child_process"
import { promisify } from "node:util"

const hasPostgres = Either.isRight(Effect.runSync(Effect.either(PostgresReplication.available)))

const run = promisify(execFile)

/** Runs a statement, and returns its value; undefined if it fails. */
const ask = ({ url }: PostgresServer.Address, statement: string): Effect.Effect<string | undefined> =>
  Effect.promise(() =>
    run("psql", [url, "--no-psqlrc", "-Atqc", statement]).then(
      ({ stdout }) => stdout.trim(),
      () => undefined
    )
  )

const count = "SELECT count(*) FROM numbers"

describe.skipIf(!hasPostgres)("PostgresReplication", () => {
  it.scoped("keeps its address and each commit over failovers with a synchronous standby", () =>
    Effect.gen(function* () {
      const postgres = yield* PostgresReplication.make({ synchronous: true, lag: "100 millis" })
      yield* ask(postgres, "CREATE TABLE numbers (n int)")
      for (const number of [1, 2]) {
        const killed = yield* postgres.primary
        yield* ask(postgres, `INSERT INTO numbers VALUES (${number})`)
        yield* postgres.failOver()
        expect((yield* postgres.primary).port).not.toBe(killed.port)
        expect(yield* ask(postgres, count)).toBe(String(number))
        expect(yield* ask(killed, "SELECT 1")).toBeUndefined()
      }
      // The primary counts a standby as synchronous after its first report. Each statement waits for 100 ms.
      const state = ask(postgres, "SELECT sync_state FROM pg_stat_replication, pg_sleep(0.1)")
      expect(yield* Effect.repeat(state, { until: (found) => found === "sync", times: 100 })).toBe("sync")
    })
  )

  it.scoped("loses the commits that are on their way to an asynchronous standby", () =>
    Effect.gen(function* () {
      const postgres = yield* PostgresReplication.make({ lag: "300 millis" })
      yield* ask(postgres, "CREATE TABLE numbers (n int)")
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 1_000)))
      yield* ask(postgres, "INSERT INTO numbers VALUES (1)")
      expect(yield* ask(postgres, count)).toBe("1")
      yield* postgres.failOver()
      expect(yield* ask(postgres, count)).toBe("0")
      expect(yield* ask(yield* postgres.standby, "SELECT pg_is_in_recovery()")).toBe("t")
    })
  )

  it.scoped("leaves no server when the scope closes", () =>
    Effect.gen(function* () {
      const addresses = yield* Effect.scoped(
        Effect.gen(function* () {
          const postgres = yield* PostgresReplication.make()
          yield* postgres.failOver()
          return [postgres, yield* postgres.primary, yield* postgres.standby]
        })
      )
      for (const address of addresses) expect(yield* ask(address, "SELECT 1")).toBeUndefined()
    })
  )

  it.scoped("fails with StartFailed for a setting that the servers reject", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(PostgresReplication.make({ settings: { no_such_setting: "1" } }))
      expect(error).toMatchObject({ _tag: "PostgresServerError", reason: "StartFailed" })
    })
  )
})
