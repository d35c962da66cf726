/** One run: processes that share an account, callers that are interrupted, and what became of the account. */
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { AuthorizationServer } from "./authorizationServer.js"
import { Disk } from "./disk.js"
import type { Phase } from "./refreshOwners.js"
import { RefreshOwners } from "./refreshOwners.js"
import type { Process, Scenario } from "./scenario.js"
import { draw } from "./scenario.js"
import { DeterministicScheduler } from "./deterministicScheduler.js"

/** How a process gets a source. */
export type Make = (
  options: TokenSource.Options
) => Effect.Effect<TokenSource.Service, never, TokenStore.TokenStore | Scope.Scope>

/** What became of it. */
export interface Outcome {
  /** A refresh token was used twice, or the one that is stored is not the one that is good. */
  readonly isLost: boolean
  /** It came to no end. */
  readonly isStuck: boolean
  readonly refreshes: number
  readonly interrupted: ReadonlyMap<Phase, number>
  /** Calls that ended, were not interrupted, and failed, though neither the server nor the disk ever did. */
  readonly failed: number
  readonly calls: number
  readonly defects: number
  readonly trace: ReadonlyArray<string>
}

interface Counts {
  calls: number
  failed: number
  defects: number
}

/** Everything that the processes of one run have in common. */
interface Stage {
  readonly world: DeterministicScheduler
  readonly server: AuthorizationServer
  readonly disk: Disk
  readonly leaders: RefreshOwners
  readonly scenario: Scenario
  readonly counts: Counts
}

const key = "account"

/** A call to an API that answers 401 to a token that is not good, and that is sent once more then. */
const call = ({ server }: Stage, source: TokenSource.Service) =>
  Effect.flatMap(source.get, (held) =>
    server.isGood(held.token)
      ? Effect.void
      : Effect.flatMap(source.renew(held.generation), (isWorthIt) => (isWorthIt ? source.get : Effect.void))
  )

const caller = (stage: Stage, source: TokenSource.Service, { rounds }: Process) =>
  Effect.gen(function* () {
    const { counts, leaders, scenario, world } = stage
    for (let round = 0; round < rounds; round++) {
      yield* Effect.sleep(world.integer(scenario.lifetimeMs * 1.2))
      const exit = yield* Effect.exit(call(stage, source))
      leaders.isDone()
      counts.calls += 1
      if (Exit.isSuccess(exit)) continue
      if (Cause.isDie(exit.cause) || Cause.isInterrupted(exit.cause)) counts.defects += 1
      else counts.failed += 1
    }
  })

/** Ends in the order in which a program does: those who call, then the source; then it has no turn any more. */
const process = (stage: Stage, make: Make, plan: Process) =>
  Effect.gen(function* () {
    const { disk, leaders, server } = stage
    const told = yield* Deferred.make<void>()
    const scope = yield* Scope.make()
    const mint: TokenSource.Options["mint"] = (previous) => server.refresh(previous, leaders.follow)
    const source = yield* make({ key, mint }).pipe(
      Scope.extend(scope),
      Effect.provideService(TokenStore.TokenStore, disk.store(leaders.follow))
    )
    for (const moment of plan.interruptions) leaders.at(moment, (leader) => leaders.interrupt(leader))
    if (plan.ends !== undefined) leaders.at(plan.ends, () => Deferred.unsafeDone(told, Effect.void))
    const callers = yield* Effect.forEach(Array.from({ length: plan.callers }), () =>
      Effect.tap(Effect.fork(caller(stage, source, plan)), (fiber) => Effect.sync(() => leaders.add(fiber)))
    )
    yield* Effect.raceFirst(Fiber.awaitAll(callers), Deferred.await(told))
    yield* Effect.forEach(callers, (fiber) => Effect.sync(() => leaders.interrupt(fiber)))
    yield* Fiber.awaitAll(callers)
    disk.mayFail = false
    yield* Scope.close(scope, Exit.void)
    disk.mayFail = true
  })

const processes = (stage: Stage, make: Make) =>
  Effect.forEach(
    stage.scenario.processes,
    (plan) =>
      Effect.gen(function* () {
        yield* Effect.sleep(plan.beginsAt)
        const fiber = yield* Effect.fork(process(stage, make, plan))
        yield* Fiber.join(fiber)
        stage.world.kill(fiber)
      }),
    { concurrency: stage.scenario.isShared ? "unbounded" : 1, discard: true }
  )

/** Runs a seed. */
export const run = (seed: number, make: Make = TokenSource.make): Outcome => {
  const scenario = draw(seed)
  const world = new DeterministicScheduler(seed)
  const server = new AuthorizationServer(world, {
    lifetimeMs: scenario.lifetimeMs,
    latencyMs: scenario.serverLatencyMs,
    busy: scenario.busy
  })
  const disk = new Disk(world, { latencyMs: scenario.diskLatencyMs, failing: scenario.failing })
  const leaders = new RefreshOwners(world)
  const counts: Counts = { calls: 0, failed: 0, defects: 0 }
  disk.put(server.issue())
  world.after(scenario.revokedAt, () => server.revokeAccessTokens())
  const exit = world.run(processes({ world, server, disk, leaders, scenario, counts }, make))
  const stored = disk.token?.refreshToken
  return {
    isLost: server.live === undefined || stored === undefined || Redacted.value(stored) !== server.live,
    isStuck: exit === undefined,
    refreshes: server.commits,
    interrupted: leaders.interrupted,
    calls: counts.calls,
    failed: scenario.busy === 0 ? counts.failed : 0,
    defects: counts.defects + (exit !== undefined && Exit.isFailure(exit) ? 1 : 0),
    trace: world.trace
  }
}
