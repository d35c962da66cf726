/** A process that loses its server: it sends few requests, its memory stays small, and it ends. */
import * as FaultProxy from "@countersign/testing/FaultProxy"
import * as PostgresServer from "@countersign/testing/PostgresServer"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { nextLine, run } from "./support/program.js"
import type { Program } from "./support/program.js"
import { hasBouncer, hasPostgres, migratedTable } from "./support/server.js"

const Figures = Schema.parseJson(
  Schema.Struct({
    connections: Schema.Number,
    refreshes: Schema.Number,
    isHeld: Schema.Boolean,
    heapBytes: Schema.Number,
    cpuMs: Schema.Number
  })
)
type Figures = typeof Figures.Type

const next = (program: Program) => Effect.flatMap(nextLine(program), (line) => Schema.decode(Figures)(line ?? ""))

/** How long a program runs without its server. */
const seconds = 5

/** The lines of a time, in which the program prints four each second. */
const figuresOf = (program: Program, seconds: number) =>
  Effect.all(Array.from({ length: 4 * seconds }, () => next(program)))

const killedServer = Effect.gen(function* () {
  const server = yield* PostgresServer.make()
  return { url: server.url, table: yield* migratedTable(server.url), lose: server.kill }
})

const hangingServer = Effect.gen(function* () {
  const server = yield* PostgresServer.make()
  const proxy = yield* FaultProxy.make({ port: server.port })
  const hole = [FaultProxy.Toxic.BlackHole({})]
  const url = server.url.replace(String(server.port), String(proxy.port))
  return { url, table: yield* migratedTable(server.url), lose: proxy.set({ up: hole, down: hole }) }
})

const killedBouncer = Effect.gen(function* () {
  const server = yield* PostgresServer.make()
  const scope = yield* Scope.make()
  const { url } = yield* Scope.extend(PostgresServer.pgbouncer(server), scope)
  return { url, table: yield* migratedTable(server.url), lose: Scope.close(scope, Exit.void) }
})

/** Waits until a program works, loses the server, and returns the figures at the loss and in the seconds after it. */
const lost = (program: Program, isWorking: (figures: Figures) => boolean, lose: Effect.Effect<void>) =>
  Effect.gen(function* () {
    const before = yield* Effect.repeat(next(program), { until: isWorking, times: 80 })
    yield* lose
    return { before, after: yield* figuresOf(program, seconds) }
  })

/** The time until the end of a program after a signal, in milliseconds, and its exit code. */
const ended = (program: Program, signal: NodeJS.Signals) =>
  Effect.gen(function* () {
    const begun = performance.now()
    program.signal(signal)
    yield* Effect.forkScoped(Effect.repeat(nextLine(program), { until: (line) => line === undefined }))
    const code = yield* Effect.timeout(
      Effect.promise(() => program.end),
      "60 seconds"
    )
    return { code, ms: performance.now() - begun }
  })

const mebibytes = (bytes: number) => bytes / 2 ** 20

/** Fails if a program has opened many connections, worked much, or kept much since it has lost its server. */
const expectSmall = ({ after, before }: { readonly before: Figures; readonly after: ReadonlyArray<Figures> }) => {
  const last = after.at(-1) ?? before
  const heap = Math.max(...after.map(({ heapBytes }) => heapBytes))
  expect((last.connections - before.connections) / seconds).toBeLessThan(100)
  expect((last.cpuMs - before.cpuMs) / seconds).toBeLessThan(600)
  expect(mebibytes(heap - before.heapBytes)).toBeLessThan(48)
}

describe("SqlTokenStore in a process that loses its server", () => {
  it.scopedLive.skipIf(!hasPostgres)("sends few requests and ends, during refreshes with a killed server", () =>
    Effect.gen(function* () {
      const { lose, table, url } = yield* killedServer
      const program = yield* run("outlive", url, table, "refresh")
      expectSmall(yield* lost(program, ({ refreshes }) => refreshes >= 5, lose))
      expect((yield* ended(program, "SIGTERM")).ms).toBeLessThan(30_000)
    })
  )

  it.scopedLive.skipIf(!hasPostgres)("sends few requests and ends, during refreshes with a server that hangs", () =>
    Effect.gen(function* () {
      const { lose, table, url } = yield* hangingServer
      const program = yield* run("outlive", url, table, "refresh")
      expectSmall(yield* lost(program, ({ refreshes }) => refreshes >= 5, lose))
      // The refresh that is on its way, and the last write: each request ends after 5 seconds, and is verified.
      expect((yield* ended(program, "SIGTERM")).ms).toBeLessThan(75_000)
    })
  )

  // Nothing ends these processes: they have nothing to do any more. Their leases of 30 s are not over.
  for (const [name, make, isEnabled] of [
    ["server", killedServer, hasPostgres],
    ["PgBouncer", killedBouncer, hasBouncer]
  ] as const) {
    it.scopedLive.skipIf(!isEnabled)(`exits by itself, with a held lock and a killed ${name}`, () =>
      Effect.gen(function* () {
        const { lose, table, url } = yield* make
        const program = yield* run("outlive", url, table, "hold")
        expectSmall(yield* lost(program, ({ isHeld }) => isHeld, lose))
        const { code, ms } = yield* ended(program, "SIGUSR2")
        expect(code).toBe(0)
        expect(ms).toBeLessThan(10_000)
      })
    )
  }
})
