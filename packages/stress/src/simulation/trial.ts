/** One run: processes that share an account, interrupted callers, and the state of the account in the end. */
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

/** Makes the token source of a process. */
export type Make = (
  options: TokenSource.Options
) => Effect.Effect<TokenSource.Service, never, TokenStore.TokenStore | Scope.Scope>

/** Result of a run. */
export interface TrialResult {
  /** A refresh token was reused, or the stored refresh token is not the valid one. */
  readonly isLost: boolean
  /** The run did not end. */
  readonly isStuck: boolean
  readonly refreshes: number
  readonly interrupted: ReadonlyMap<Phase, number>
  /** Calls that failed without an interruption, in a run without faults of server and disk. */
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

/** State that the processes of a run share. */
interface RunState {
  readonly scheduler: DeterministicScheduler
  readonly server: AuthorizationServer
  readonly disk: Disk
  readonly owners: RefreshOwners
  readonly scenario: Scenario
  readonly counts: Counts
}

const key = "account"

/** A call to an API. If the token is rejected with a 401, it is replaced, and the call is repeated once. */
const call = ({ server }: RunState, source: TokenSource.Service) =>
  Effect.flatMap(source.get, (current) =>
    server.isGood(current.token)
      ? Effect.void
      : Effect.flatMap(source.onRejected(current.generation), (isReplaced) => (isReplaced ? source.get : Effect.void))
  )

const caller = (state: RunState, source: TokenSource.Service, { rounds }: Process) =>
  Effect.gen(function* () {
    const { counts, owners, scenario, scheduler } = state
    for (let round = 0; round < rounds; round++) {
      yield* Effect.sleep(scheduler.integer(scenario.lifetimeMs * 1.2))
      const exit = yield* Effect.exit(call(state, source))
      owners.isDone()
      counts.calls += 1
      if (Exit.isSuccess(exit)) continue
      if (Cause.isDie(exit.cause) || Cause.isInterrupted(exit.cause)) counts.defects += 1
      else counts.failed += 1
    }
  })

/** Ends a process in the usual order: first the callers, then the token source, then all its fibers. */
const process = (state: RunState, make: Make, plan: Process) =>
  Effect.gen(function* () {
    const { disk, owners, server } = state
    const endSignal = yield* Deferred.make<void>()
    const scope = yield* Scope.make()
    const mint: TokenSource.Options["acquireToken"] = (previous) => server.refresh(previous, owners.trace)
    const source = yield* make({ key, acquireToken: mint }).pipe(
      Scope.extend(scope),
      Effect.provideService(TokenStore.TokenStore, disk.store(owners.trace))
    )
    for (const moment of plan.interruptions) owners.at(moment, (owner) => owners.interrupt(owner))
    if (plan.ends !== undefined) owners.at(plan.ends, () => Deferred.unsafeDone(endSignal, Effect.void))
    const callers = yield* Effect.forEach(Array.from({ length: plan.callers }), () =>
      Effect.tap(Effect.fork(caller(state, source, plan)), (fiber) => Effect.sync(() => owners.add(fiber)))
    )
    yield* Effect.raceFirst(Fiber.awaitAll(callers), Deferred.await(endSignal))
    yield* Effect.forEach(callers, (fiber) => Effect.sync(() => owners.interrupt(fiber)))
    yield* Fiber.awaitAll(callers)
    disk.mayFail = false
    yield* Scope.close(scope, Exit.void)
    disk.mayFail = true
  })

const processes = (state: RunState, make: Make) =>
  Effect.forEach(
    state.scenario.processes,
    (plan) =>
      Effect.gen(function* () {
        yield* Effect.sleep(plan.beginsAt)
        const fiber = yield* Effect.fork(process(state, make, plan))
        yield* Fiber.join(fiber)
        state.scheduler.kill(fiber)
      }),
    { concurrency: state.scenario.isShared ? "unbounded" : 1, discard: true }
  )

/** Runs a seed. */
export const run = (seed: number, make: Make = TokenSource.make): TrialResult => {
  const scenario = draw(seed)
  const scheduler = new DeterministicScheduler(seed)
  const server = new AuthorizationServer(scheduler, {
    lifetimeMs: scenario.lifetimeMs,
    latencyMs: scenario.serverLatencyMs,
    busy: scenario.busy
  })
  const disk = new Disk(scheduler, { latencyMs: scenario.diskLatencyMs, failing: scenario.failing })
  const owners = new RefreshOwners(scheduler)
  const counts: Counts = { calls: 0, failed: 0, defects: 0 }
  disk.put(server.issue())
  scheduler.after(scenario.revokedAt, () => server.revokeAccessTokens())
  const exit = scheduler.run(processes({ scheduler, server, disk, owners, scenario, counts }, make))
  const stored = disk.token?.refreshToken
  return {
    isLost:
      server.currentRefreshToken === undefined ||
      stored === undefined ||
      Redacted.value(stored) !== server.currentRefreshToken,
    isStuck: exit === undefined,
    refreshes: server.commits,
    interrupted: owners.interrupted,
    calls: counts.calls,
    failed: scenario.busy === 0 ? counts.failed : 0,
    defects: counts.defects + (exit !== undefined && Exit.isFailure(exit) ? 1 : 0),
    trace: scheduler.trace
  }
}
