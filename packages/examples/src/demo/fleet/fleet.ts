/** Three processes that share one token and one throttle through Redis, and one timeline of their events. */
import type * as Timeline from "@countersign/client/Timeline"
import * as RedisClient from "@countersign/redis/RedisClient"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { ChildProcess } from "node:child_process"
import { fork } from "node:child_process"
import { randomUUID } from "node:crypto"
import { fileURLToPath } from "node:url"
import { Target } from "../Target.js"
import type { Membership, Report } from "./memberProcess.js"

/** Redis cannot be used, or a process ended. */
class FleetError extends Data.TaggedError("FleetError")<{ readonly message: string }> {}

/** An event, and the process that it is of. */
export interface FleetEvent {
  readonly process: number
  readonly event: Timeline.Event
}

/** What the processes did. */
export interface FleetResult {
  readonly ok: boolean
  readonly observed: {
    /** Responses of each process. */
    readonly statuses: ReadonlyArray<ReadonlyArray<number>>
    /** Requests to the token endpoint, of all processes. */
    readonly tokenRequests: number
    /** Processes that waited because of the 429 of the first one. */
    readonly waited: number
    readonly errors: ReadonlyArray<string>
  }
  readonly timeline: ReadonlyArray<FleetEvent>
}

const processes = 3

/** Verifies that Redis responds, so that an address without a server gives one error and not three. */
const connect = (redisUrl: string) =>
  Effect.gen(function* () {
    const redis = yield* RedisClient.make({ url: Redacted.make(redisUrl) })
    yield* Effect.tryPromise(() => redis.ping())
    return redis
  }).pipe(
    Effect.mapError(
      (error) =>
        new FleetError({
          message:
            error._tag === "RedisClientError"
              ? error.message
              : "Redis does not respond at the address of `--redis`. Start it with `redis-server`, or set another address."
        })
    )
  )

/** Removes what the processes have stored. */
const removeKeys = (redis: RedisClient.Client, prefix: string) =>
  Effect.promise(async () => {
    const keys = await redis.keys(`${prefix}*`)
    if (keys.length > 0) await redis.del(keys)
  })

const ended = new FleetError({ message: "A process ended before its calls did." })

const startProcess = Effect.acquireRelease(
  Effect.sync(() => fork(fileURLToPath(new URL("memberProcess.ts", import.meta.url)))),
  (child) => Effect.sync(() => void child.kill("SIGKILL"))
).pipe(
  Effect.tap((child) =>
    Effect.async<void, FleetError>((resume) => {
      // A process says first that it is ready.
      child.once("message", () => resume(Effect.void))
      child.once("exit", () => resume(ended))
    })
  )
)

/** Sends a process its {@link Membership}, and waits for the end of its calls. It calls `onCalled` after the first calls. */
const runProcess = (
  child: ChildProcess,
  membership: Membership,
  { onCalled, onEvent }: { readonly onCalled: () => void; readonly onEvent: (event: Timeline.Event) => void }
) =>
  Effect.async<Extract<Report, { readonly kind: "done" }>, FleetError>((resume) => {
    child.on("message", (message) => {
      // The messages of our own program.
      const report = message as Report
      if (report.kind === "event") onEvent(report.event)
      if (report.kind === "called") onCalled()
      if (report.kind === "done") resume(Effect.succeed(report))
    })
    child.once("exit", () => resume(ended))
    child.send(membership)
  })

/** Runs all processes. They continue when all of them have called the API. */
const runProcesses = (children: ReadonlyArray<ChildProcess>, shared: Omit<Membership, "meetsLimit">) =>
  Effect.gen(function* () {
    const timeline: Array<FleetEvent> = []
    let called = 0
    const onCalled = () => {
      called += 1
      if (called === children.length) for (const child of children) child.send("continue")
    }
    const reports = yield* Effect.forEach(
      children,
      (child, index) => {
        const onEvent = (event: Timeline.Event) => void timeline.push({ process: index + 1, event })
        return runProcess(child, { ...shared, meetsLimit: index === 0 }, { onCalled, onEvent })
      },
      { concurrency: "unbounded" }
    )
    return { reports, timeline: timeline.sort((one, other) => one.event.at - other.event.at) }
  })

/** The number of processes that waited: one because of its response, the others because of the message. */
const countWaiting = (timeline: ReadonlyArray<FleetEvent>): number =>
  new Set(
    timeline
      .filter(({ event }) => event._tag === "Throttled" || event._tag === "RetryScheduled")
      .map((one) => one.process)
  ).size

/** Runs the processes. Fails without Redis. */
export const run = (redisUrl: string) =>
  Effect.gen(function* () {
    const { embedded, oauth } = yield* Target
    const redis = yield* connect(redisUrl)
    const prefix = `demo:${randomUUID()}:`
    yield* Effect.addFinalizer(() => removeKeys(redis, prefix))
    const children = yield* Effect.all(
      Array.from({ length: processes }, () => startProcess),
      { concurrency: "unbounded" }
    )
    const shared = { issuer: oauth.issuer, apiUrl: embedded.baseUrl, redisUrl, prefix }
    const { reports, timeline } = yield* runProcesses(children, shared)
    const statuses = reports.map((report) => report.statuses)
    const tokenRequests = yield* oauth.tokenCalls
    const waited = countWaiting(timeline)
    const errors = reports.flatMap(({ error }) => (error === undefined ? [] : [error]))
    const ok =
      statuses.every((of) => of.length > 0 && of.every((status) => status === 200)) &&
      tokenRequests === 1 &&
      waited === processes
    return { ok, observed: { statuses, tokenRequests, waited, errors }, timeline } satisfies FleetResult
  })
