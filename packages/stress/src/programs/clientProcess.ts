/** Process of the client under test, so that its memory and its leftovers are measured alone. */
import type { ApiClient } from "@countersign/client/ApiClient"
import { Timeout } from "@countersign/client/Errors"
import * as HttpBody from "@effect/platform/HttpBody"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Supervisor from "effect/Supervisor"
import { subscribe } from "node:diagnostics_channel"
import { answer } from "@countersign/bench/Remote"
import { answered, attacks } from "../hostileServer/attacks.js"
import { waitedMillis } from "../time/processorWait.js"
import type { ClientUnderTest } from "../hostileServer/clientsUnderTest.js"
import type { Reading } from "../hostileServer/eventLoopTurns.js"
import * as Turns from "../hostileServer/eventLoopTurns.js"
import { clientsUnderTest } from "../hostileServer/clientsUnderTest.js"

/** Result of one call, and its duration in milliseconds. */
export interface CallResult {
  readonly attack: string
  readonly ending: string
  readonly millis: number
  /** The timeout that ended the call, if one did. */
  readonly scope?: Timeout["scope"] | undefined
  /** When its last request was sent, in milliseconds from the start of the call. */
  readonly sent: number
  /** Milliseconds that this process was ready to run while the machine ran other programs. */
  readonly waitedMillis: number
}

const supervisor = Effect.runSync(Supervisor.track)
const scope = Effect.runSync(Scope.make())
const upload = HttpBody.uint8Array(new Uint8Array(8 * 1024 * 1024))

const run = <A>(effect: Effect.Effect<A, unknown, Scope.Scope>): Promise<A> =>
  Effect.runPromise(Effect.supervised(Scope.extend(effect, scope), supervisor))

const tagOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : "Untyped"

/** Result of a call. After `maxMs` milliseconds it is `Endless`. */
const ending = (
  call: Effect.Effect<unknown, unknown>,
  maxMs: number
): Effect.Effect<Pick<CallResult, "ending" | "scope">> =>
  call.pipe(
    Effect.match({
      onFailure: (error) => ({ ending: tagOf(error), scope: error instanceof Timeout ? error.scope : undefined }),
      onSuccess: () => ({ ending: answered })
    }),
    Effect.catchAllDefect(() => Effect.succeed({ ending: "Defect" })),
    Effect.timeoutTo({ duration: maxMs, onSuccess: (ended) => ended, onTimeout: () => ({ ending: "Endless" }) })
  )

/** When each path was requested last. There is one call per attack path at a time. */
const sentAt = new Map<string, number>()
subscribe("undici:request:create", (message) => {
  // The message that undici publishes on this channel.
  const { request } = message as { readonly request: { readonly path: string } }
  sentAt.set(request.path, performance.now())
})

const makeCall = (client: ApiClient, attack: string, maxMs: number): Effect.Effect<CallResult> =>
  Effect.suspend(() => {
    const path = `/${attack}`
    const startedAt = performance.now()
    const waitedBefore = waitedMillis()
    const call = attacks[attack]?.method === "POST" ? client.post(path, { body: upload }) : client.get(path)
    return Effect.map(ending(call, maxMs), (ended) => {
      const sent = (sentAt.get(path) ?? startedAt) - startedAt
      return {
        ...ended,
        attack,
        millis: performance.now() - startedAt,
        sent,
        waitedMillis: waitedMillis() - waitedBefore
      }
    })
  })

/** Memory after garbage collection. */
const memoryAfterGc = (): number => {
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage().rss
}

/** The attacks to call, the number of concurrent calls, and the maximum duration of a call in milliseconds. */
interface Attempts {
  readonly names: ReadonlyArray<string>
  readonly atATime: number
  readonly maxMs: number
}

/** Resources that keep the process alive, counted by kind. */
const resources = (): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const name of process.getActiveResourcesInfo()) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

let client: ApiClient | undefined
let idle: Readonly<Record<string, number>> = {}
let before = 0
let peakBefore = 0
let sampled = 0

/** Maximum memory that the process ever had, in bytes. */
const peak = (): number => process.resourceUsage().maxRSS * 1024

/** Peak since the attacks began. If the maximum is older, the largest sample counts. */
const peakSince = (): number => (peak() > peakBefore ? peak() : sampled)

const methods = {
  /** Makes the client. Its first calls load and compile code, which must not count as growth. */
  open: async ({ baseUrl, clientName }: { readonly baseUrl: string; readonly clientName: ClientUnderTest }) => {
    idle = resources()
    client = await run(clientsUnderTest[clientName](baseUrl))
    await run(Effect.repeatN(client.get("/good"), 500))
    before = memoryAfterGc()
    peakBefore = peak()
  },
  attack: async ({ atATime, names, maxMs }: Attempts) => {
    if (client === undefined) throw new Error("there is no client yet: call open first")
    const target = client
    const sampling = setInterval(() => (sampled = Math.max(sampled, process.memoryUsage.rss())), 5)
    try {
      return await run(Effect.forEach(names, (name) => makeCall(target, name, maxMs), { concurrency: atATime }))
    } finally {
      clearInterval(sampling)
    }
  },
  /** Longest turn of the event loop while a client reads text that the server chose. */
  turns: ({
    path,
    reading,
    clientName
  }: {
    readonly path: string
    readonly reading: Reading
    readonly clientName: ClientUnderTest
  }) => Turns.measure(path, clientName === "leaky", reading),
  /** Closes the client. Returns its growth in bytes, at the peak and now, and the number of leftovers. */
  close: async () => {
    await Effect.runPromise(Scope.close(scope, Exit.void))
    client = undefined
    await new Promise((resolve) => setTimeout(resolve, 300))
    const left = Object.entries(resources()).map(([name, count]) => count - (idle[name] ?? 0))
    return {
      fibers: (await Effect.runPromise(supervisor.value)).length,
      resources: left.reduce((sum, count) => sum + Math.max(0, count), 0),
      peakGrowth: peakSince() - before,
      growth: memoryAfterGc() - before
    }
  }
}

/** Methods of the process. */
export type ClientProcess = typeof methods

answer(methods)
