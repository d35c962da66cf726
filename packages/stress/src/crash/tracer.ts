/** `strace` on a thread: lists its system calls, makes them fail, or kills the process at one of them. */
import type { ChildProcess } from "node:child_process"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { readFileSync, rmSync } from "node:fs"
import { createInterface } from "node:readline"

/** A system call: its name, and its sequence number among calls of that name since the tracer attached. */
export interface Call {
  readonly name: string
  readonly ordinal: number
}

/** Whether strace is installed and may attach to a process. */
export const isAvailable = (): boolean =>
  spawnSync("strace", ["-o", "/dev/null", process.execPath, "-v"], { stdio: "ignore" }).status === 0

/** Calls on files and descriptors only, without those for memory. */
const kinds = "trace=%file,%desc"

/** Attaches to a thread. `args` are options of strace. */
const attach = async (thread: string, args: ReadonlyArray<string>): Promise<ChildProcess> => {
  const tracer = spawn("strace", ["-e", kinds, ...args, "-p", thread], { stdio: ["ignore", "ignore", "pipe"] })
  const output: Array<string> = []
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: tracer.stderr }).on("line", (line) => {
      output.push(line)
      if (line.includes("attached")) resolve()
    })
    tracer.once("exit", () => reject(new Error(`strace cannot attach to a process: ${output.join(" ")}`)))
  })
  return tracer
}

/** Lists the system calls of a thread until `done` resolves, in order. */
export const calls = async (thread: string, log: string, done: () => Promise<void>): Promise<ReadonlyArray<Call>> => {
  const tracer = await attach(thread, ["-o", log])
  await done()
  if (tracer.exitCode === null) await once(tracer, "exit")
  const names = readFileSync(log, "utf8").matchAll(/^(\w+)\(/gm)
  rmSync(log)
  const counts = new Map<string, number>()
  return [...names].flatMap(([, name = ""]) => {
    const ordinal = (counts.get(name) ?? 0) + 1
    counts.set(name, ordinal)
    return name.startsWith("m") ? [] : [{ name, ordinal }]
  })
}

/** Makes system calls of a thread fail with an error. Returns a function that ends this. */
export const failCalls = async (thread: string, names: string, error: string): Promise<() => Promise<void>> => {
  const tracer = await attach(thread, ["-o", "/dev/null", "-e", `inject=${names}:error=${error}`])
  return async () => {
    // strace detaches from the thread before it ends.
    tracer.kill("SIGINT")
    if (tracer.exitCode === null && tracer.signalCode === null) await once(tracer, "exit")
  }
}

/** Kills the process before the given call of its thread. strace ends with the process. */
export const killAt = async (thread: string, { name, ordinal }: Call): Promise<void> => {
  await attach(thread, ["-o", "/dev/null", "-e", `inject=${name}:signal=SIGKILL:when=${ordinal}`])
}
