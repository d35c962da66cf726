/** `strace`, which sees each system call of a thread, and kills its process at the one that it is told. */
import type { ChildProcess } from "node:child_process"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { readFileSync, rmSync } from "node:fs"
import { createInterface } from "node:readline"

/** One system call: the how-manieth of its name since the tracer looks on. */
export interface Call {
  readonly name: string
  readonly ordinal: number
}

/** Whether it is installed, and allowed to look at a process. */
export const isThere = (): boolean =>
  spawnSync("strace", ["-o", "/dev/null", process.execPath, "-v"], { stdio: "ignore" }).status === 0

/** Those that have to do with a file; what a thread does for its memory is nothing to a disk. */
const kinds = "trace=%file,%desc"

/** Has it look at a thread; what it should do is said as it says it. */
const attach = async (thread: string, args: ReadonlyArray<string>): Promise<ChildProcess> => {
  const tracer = spawn("strace", ["-e", kinds, ...args, "-p", thread], { stdio: ["ignore", "ignore", "pipe"] })
  const said: Array<string> = []
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: tracer.stderr }).on("line", (line) => {
      said.push(line)
      if (line.includes("attached")) resolve()
    })
    tracer.once("exit", () => reject(new Error(`strace cannot look at a process: ${said.join(" ")}`)))
  })
  return tracer
}

/** Counts the calls of a thread until `done`, in their order. */
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

/** Has calls of a thread fail with an error, from now on; gives what ends that. */
export const failing = async (thread: string, names: string, error: string): Promise<() => Promise<void>> => {
  const tracer = await attach(thread, ["-o", "/dev/null", "-e", `inject=${names}:error=${error}`])
  return async () => {
    // It lets go of the thread before it ends.
    tracer.kill("SIGINT")
    if (tracer.exitCode === null && tracer.signalCode === null) await once(tracer, "exit")
  }
}

/** Has a process killed before one of the calls of its thread is carried out; ends with it. */
export const killAt = async (thread: string, { name, ordinal }: Call): Promise<void> => {
  await attach(thread, ["-o", "/dev/null", "-e", `inject=${name}:signal=SIGKILL:when=${ordinal}`])
}
