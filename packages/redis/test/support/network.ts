/** Machines of a test: network namespaces behind one switch, with links that can be cut. It needs root and iproute2. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ChildProcess } from "node:child_process"
import { execFile, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { promisify } from "node:util"

/** A machine with an address of its own. The test is another machine of the same network. */
export interface Machine {
  readonly address: string
  /** A command with its arguments that runs on the machine. */
  readonly command: (...command: ReadonlyArray<string>) => ReadonlyArray<string>
  /** Cuts the machine off: packets in both directions are lost, and no connection ends. */
  readonly cut: Effect.Effect<void>
  /** Connects it again. */
  readonly mend: Effect.Effect<void>
}

const ip = (...args: ReadonlyArray<string>): Promise<unknown> => promisify(execFile)("ip", args)

/** Number of networks. The system removes the interfaces of one a moment after its namespaces. */
let networks = 0

/** Names of namespaces and interfaces, which have at most 15 characters, are those of one process. */
const nameOf = (part: string): string => `cs${process.pid}${networks}${part}`

/** A network for benchmarks ([RFC 2544](https://www.rfc-editor.org/rfc/rfc2544)), which no host has. */
const addressOf = (host: number): string => `198.18.${(process.pid + networks) % 250}.${host}`

/** Why this system has no such networks; undefined if it has. */
const problem = (): string | undefined => {
  if (process.getuid?.() !== 0) return "it needs root"
  const probe = nameOf("probe")
  try {
    execFileSync("ip", ["netns", "add", probe], { stdio: "ignore" })
    execFileSync("ip", ["-n", probe, "link", "add", "switch", "type", "bridge"], { stdio: "ignore" })
    return undefined
  } catch {
    return "`ip` of iproute2 is missing, or this system has no network namespaces"
  } finally {
    try {
      execFileSync("ip", ["netns", "delete", probe], { stdio: "ignore" })
    } catch {
      // It was not made.
    }
  }
}

/** Whether tests with such networks can run. Without them they are skipped, which CI rejects. */
export const hasNetworks: boolean = problem() === undefined

const namespace = (name: string) =>
  Effect.acquireRelease(
    Effect.promise(() => ip("netns", "add", name)),
    () => Effect.promise(() => ip("netns", "delete", name).catch(() => undefined))
  )

/** Adds a cable with one end in the switch and one, with an address, in a namespace or in that of the test. */
const plug = async (hub: string, port: string, host: number, machine?: string): Promise<void> => {
  const [end, inside] = machine === undefined ? [nameOf("t"), []] : ["eth0", ["-n", machine]]
  await ip("-n", hub, "link", "add", port, "type", "veth", "peer", "name", end, "netns", machine ?? String(process.pid))
  await ip("-n", hub, "link", "set", port, "master", "switch", "up")
  await ip(...inside, "address", "add", `${addressOf(host)}/24`, "dev", end)
  await ip(...inside, "link", "set", end, "up")
}

/** Makes machines. Their namespaces are removed with the scope, after their processes. */
export const machines = (count: number): Effect.Effect<ReadonlyArray<Machine>, never, Scope.Scope> =>
  Effect.gen(function* () {
    networks++
    const hub = nameOf("hub")
    yield* namespace(hub)
    yield* Effect.promise(async () => {
      await ip("-n", hub, "link", "add", "switch", "type", "bridge")
      await ip("-n", hub, "link", "set", "switch", "up")
      await plug(hub, "test", 1)
    })
    return yield* Effect.forEach(
      Array.from({ length: count }, (_, index) => index),
      (index) =>
        Effect.gen(function* () {
          const name = nameOf(`m${index}`)
          const port = `port${index}`
          yield* namespace(name)
          yield* Effect.promise(async () => {
            await plug(hub, port, index + 2, name)
            await ip("-n", name, "link", "set", "lo", "up")
          })
          const set = (state: "up" | "down") =>
            Effect.asVoid(Effect.promise(() => ip("-n", hub, "link", "set", port, state)))
          return {
            address: addressOf(index + 2),
            command: (...command: ReadonlyArray<string>) => ["ip", "netns", "exec", name, ...command],
            cut: set("down"),
            mend: set("up")
          }
        })
    )
  })

/** Starts a process, which is killed with the scope. */
export const started = ([file = "", ...args]: ReadonlyArray<string>): Effect.Effect<ChildProcess, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => spawn(file, args, { stdio: ["ignore", "ignore", "inherit"] })),
    (child) =>
      Effect.promise(async () => {
        if (child.exitCode !== null || child.signalCode !== null) return
        const end = once(child, "exit")
        child.kill("SIGKILL")
        await end
      })
  )
