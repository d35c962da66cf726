/** The process of the client that is attacked: what it holds in memory, and what it leaves, is the client's. */
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
import { heldMillis } from "../time/processorWait.js"
import type { ClientUnderTest } from "../hostileServer/clientsUnderTest.js"
import type { Reading } from "../hostileServer/eventLoopTurns.js"
import * as Turns from "../hostileServer/eventLoopTurns.js"
import { clientsUnderTest } from "../hostileServer/clientsUnderTest.js"

/** How one call ended, and after how many milliseconds. */
export interface Ended {
  readonly attack: string
  readonly ending: string
  readonly millis: number
  /** Whose time was over, where a timeout ended it. */
  readonly scope?: Timeout["scope"] | undefined
  /** When its last send to the attack began, in milliseconds from its own beginning. */
  readonly sent: number
  /** For how many milliseconds the machine ran other programs although this process was ready to run. */
  readonly held: number
}

const supervisor = Effect.runSync(Supervisor.track)
const scope = Effect.runSync(Scope.make())
const upload = HttpBody.uint8Array(new Uint8Array(8 * 1024 * 1024))

const run = <A>(effect: Effect.Effect<A, unknown, Scope.Scope>): Promise<A> =>
  Effect.runPromise(Effect.supervised(Scope.extend(effect, scope), supervisor))

const tagOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : "Untyped"

/** After `patience` milliseconds a call is without an end. */
const ending = (
  call: Effect.Effect<unknown, unknown>,
  patience: number
): Effect.Effect<Pick<Ended, "ending" | "scope">> =>
  call.pipe(
    Effect.match({
      onFailure: (error) => ({ ending: tagOf(error), scope: error instanceof Timeout ? error.scope : undefined }),
      onSuccess: () => ({ ending: answered })
    }),
    Effect.catchAllDefect(() => Effect.succeed({ ending: "Defect" })),
    Effect.timeoutTo({ duration: patience, onSuccess: (ended) => ended, onTimeout: () => ({ ending: "Endless" }) })
  )

/** When each path was asked for last; of those of the attacks there is one call at a time. */
const sentAt = new Map<string, number>()
subscribe("undici:request:create", (message) => {
  // What undici tells under this name.
  const { request } = message as { readonly request: { readonly path: string } }
  sentAt.set(request.path, performance.now())
})

const attempt = (client: ApiClient, attack: string, patience: number): Effect.Effect<Ended> =>
  Effect.suspend(() => {
    const path = `/${attack}`
    const begun = performance.now()
    const heldBefore = heldMillis()
    const call = attacks[attack]?.method === "POST" ? client.post(path, { body: upload }) : client.get(path)
    return Effect.map(ending(call, patience), (ended) => {
      const sent = (sentAt.get(path) ?? begun) - begun
      return { ...ended, attack, millis: performance.now() - begun, sent, held: heldMillis() - heldBefore }
    })
  })

/** What is left of the memory when all that can be is collected. */
const collected = (): number => {
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage().rss
}

/** What to call, how many at a time, and after how many milliseconds a call is without an end. */
interface Attempts {
  readonly names: ReadonlyArray<string>
  readonly atATime: number
  readonly patience: number
}

/** What keeps the process alive, each kind with how many there are. */
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

/** The most memory that the process has ever had, in bytes. */
const peak = (): number => process.resourceUsage().maxRSS * 1024

/** The peak that is remembered may be older than the attacks; then it is what was seen now and then. */
const peakSince = (): number => (peak() > peakBefore ? peak() : sampled)

const methods = {
  /** Makes the client. Code that its first calls load and compile is no growth of those that follow. */
  open: async ({ baseUrl, victim }: { readonly baseUrl: string; readonly victim: ClientUnderTest }) => {
    idle = resources()
    client = await run(clientsUnderTest[victim](baseUrl))
    await run(Effect.repeatN(client.get("/good"), 500))
    before = collected()
    peakBefore = peak()
  },
  attack: async ({ atATime, names, patience }: Attempts) => {
    if (client === undefined) throw new Error("there is no client yet")
    const target = client
    const sampling = setInterval(() => (sampled = Math.max(sampled, process.memoryUsage.rss())), 5)
    try {
      return await run(Effect.forEach(names, (name) => attempt(target, name, patience), { concurrency: atATime }))
    } finally {
      clearInterval(sampling)
    }
  },
  /** The longest turn of the event loop while a client reads what the server chose. */
  turns: ({
    path,
    reading,
    victim
  }: {
    readonly path: string
    readonly reading: Reading
    readonly victim: ClientUnderTest
  }) => Turns.measure(path, victim === "leaky", reading),
  /** Closes the client, and says what is left of it: bytes that it grew by, at most and now, and what is not closed. */
  close: async () => {
    await Effect.runPromise(Scope.close(scope, Exit.void))
    client = undefined
    await new Promise((resolve) => setTimeout(resolve, 300))
    const left = Object.entries(resources()).map(([name, count]) => count - (idle[name] ?? 0))
    return {
      fibers: (await Effect.runPromise(supervisor.value)).length,
      resources: left.reduce((sum, count) => sum + Math.max(0, count), 0),
      peakGrowth: peakSince() - before,
      growth: collected() - before
    }
  }
}

/** What the process answers to. */
export type ClientProcess = typeof methods

answer(methods)
