/** Three machines with Sentinel, or with a cluster: each machine has a primary, or a replica of that of another one. */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { execFile } from "node:child_process"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import type { Machine } from "./network.js"
import { machines, started } from "./network.js"
import { temporary } from "./topology.js"

export const port = 6379
export const sentinelPort = 26379

/** Runs a command of Redis on a machine, also while it is cut off. Returns its output as text, or that of the failure. */
export const ask = (machine: Machine, ...command: ReadonlyArray<string>): Effect.Effect<string> =>
  Effect.promise(() => {
    const [file = "", ...args] = machine.command("timeout", "2", "redis-cli", ...command)
    return promisify(execFile)(file, args).then(
      ({ stdout }) => stdout,
      (error: unknown) => String(error)
    )
  })

/** Repeats a question until its answer matches, for at most half a minute. */
export const untilAnswer = (pattern: RegExp, machine: Machine, ...command: ReadonlyArray<string>) =>
  Effect.retry(
    Effect.filterOrFail(
      ask(machine, ...command),
      (answer) => pattern.test(answer),
      (answer) => new Error(`${command.join(" ")} answers ${answer}`)
    ),
    { schedule: Schedule.spaced("200 millis"), times: 150 }
  )

const startServer = (machine: Machine, listenPort: number, options: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const folder = yield* temporary
    const listen = ["--port", String(listenPort), "--bind", machine.address, "127.0.0.1", "--protected-mode", "no"]
    const files = ["--dir", folder, "--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"]
    yield* started(machine.command("redis-server", ...listen, ...files, "--repl-timeout", "5", ...options))
  })

/** A server that rejects writes while no replica is connected. */
const startReplicated = (machine: Machine, primary: Machine) => {
  const replica = machine === primary ? [] : ["--replicaof", primary.address, String(port)]
  return startServer(machine, port, ["--min-replicas-to-write", "1", "--min-replicas-max-lag", "2", ...replica])
}

const startSentinel = (machine: Machine, primary: Machine) =>
  Effect.gen(function* () {
    const folder = yield* temporary
    const file = join(folder, "sentinel.conf")
    const lines = [
      `port ${sentinelPort}`,
      `bind ${machine.address} 127.0.0.1`,
      "protected-mode no",
      `dir ${folder}`,
      `sentinel monitor primary ${primary.address} ${port} 2`,
      "sentinel down-after-milliseconds primary 1000",
      "sentinel failover-timeout primary 5000"
    ]
    yield* Effect.promise(() => writeFile(file, lines.join("\n")))
    yield* started(machine.command("redis-server", file, "--sentinel"))
  })

/** Three machines. The first one is the primary. Succeeds when all sentinels know all servers. */
export const sentinelMachines = Effect.gen(function* () {
  const all = yield* machines(3)
  const [primary] = all
  if (primary === undefined) return yield* Effect.dieMessage("no machine was made")
  for (const machine of all) yield* startReplicated(machine, primary)
  yield* untilAnswer(/connected_slaves:2/, primary, "info", "replication")
  for (const machine of all) yield* startSentinel(machine, primary)
  for (const machine of all) {
    yield* untilAnswer(
      /num-slaves\n2\nnum-other-sentinels\n2/,
      machine,
      "-p",
      String(sentinelPort),
      "sentinel",
      "master",
      "primary"
    )
  }
  return all
})

/** Three machines of a cluster, each with a primary and a replica of another one. */
export const clusterMachines = Effect.gen(function* () {
  const all = yield* machines(3)
  const ports = [port, port + 1]
  const options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1500", "--cluster-config-file", "nodes.conf"]
  for (const machine of all) for (const one of ports) yield* startServer(machine, one, options)
  const nodes = ports.flatMap((one) => all.map(({ address }) => `${address}:${one}`))
  for (const machine of all) for (const one of ports) yield* untilAnswer(/PONG/, machine, "-p", String(one), "ping")
  const create = ["--cluster", "create", ...nodes, "--cluster-replicas", "1", "--cluster-yes"]
  yield* Effect.promise(() => promisify(execFile)("redis-cli", create))
  for (const machine of all) {
    yield* untilAnswer(/cluster_state:ok/, machine, "cluster", "info")
    yield* untilAnswer(/connected_slaves:1/, machine, "info", "replication")
  }
  return all
})
