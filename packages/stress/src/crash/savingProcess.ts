/** A process that stores tokens, as seen by the process that kills it. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import type { Writer } from "./storeVariants.js"

/** The program, the file and the writer. */
export interface SaveOptions {
  readonly program: string
  readonly path: string
  readonly writer: Writer
}

/** The running process. */
export interface SavingProcess {
  readonly pid: number
  /** Resolves with the id of the file thread when the process is ready. */
  readonly ready: Promise<string>
  /** Makes it store, from this version on. */
  readonly save: (version: number) => void
  /** Resolves when the first version is durable, or when the process has ended. */
  readonly first: Promise<void>
  readonly end: () => void
  /** Resolves when the process has ended, with the last version that it acknowledged, 0 for none. */
  readonly ended: Promise<number>
  readonly acknowledged: () => number
}

/** Starts a process that stores once, or until it is killed. It accesses files in one thread. */
export const start = ({ path, program, writer }: SaveOptions, mode: "once" | "loop"): SavingProcess => {
  const child = spawn(process.execPath, [program, path, writer, mode], {
    env: { ...process.env, UV_THREADPOOL_SIZE: "1" },
    stdio: ["pipe", "pipe", "inherit"]
  })
  // A killed process reads no more input.
  child.stdin.on("error", () => undefined)
  const lines = createInterface({ input: child.stdout })
  let acknowledged = 0
  const ready = new Promise<string>((resolve) => lines.once("line", (line) => resolve(line.slice("ready ".length))))
  const closed = Promise.all([once(lines, "close"), once(child, "exit")])
  const first = new Promise<void>((resolve) => {
    lines.on("line", (line) => {
      if (line.startsWith("ready")) return
      acknowledged = Number(line)
      resolve()
    })
    void closed.then(() => resolve())
  })
  return {
    pid: child.pid ?? -1,
    ready,
    save: (version) => void child.stdin.write(`${version}\n`),
    first,
    end: () => void child.stdin.end(),
    ended: closed.then(() => acknowledged),
    acknowledged: () => acknowledged
  }
}
