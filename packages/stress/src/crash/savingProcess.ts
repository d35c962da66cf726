/** A process that saves, seen from the one that kills it. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import type { Writer } from "./storeVariants.js"

/** The program, who saves in it, and where to. */
export interface Order {
  readonly program: string
  readonly path: string
  readonly writer: Writer
}

/** The process. */
export interface Saver {
  readonly pid: number
  /** When it has come up: the thread that its files are written in. */
  readonly ready: Promise<string>
  /** Lets it save, from this version on. */
  readonly save: (version: number) => void
  /** When it has said that the first version is durable, or has ended. */
  readonly first: Promise<void>
  readonly end: () => void
  /** When it has ended: the last version that it has said to be durable, 0 for none. */
  readonly ended: Promise<number>
  readonly acknowledged: () => number
}

/** Starts one that saves once, or until it is killed. Its files are written in one thread. */
export const start = ({ path, program, writer }: Order, mode: "once" | "loop"): Saver => {
  const child = spawn(process.execPath, [program, path, writer, mode], {
    env: { ...process.env, UV_THREADPOOL_SIZE: "1" },
    stdio: ["pipe", "pipe", "inherit"]
  })
  // Who is killed reads no more of what it is sent.
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
