/**
 * Saves, and says on standard output which version is durable, at once and without a queue that would die with it. It
 * prints `ready`, and the number of the thread that its files are written in; begins with the first line it is sent;
 * saves the versions from the one it was told on, once or until it is killed; and ends with its standard input.
 */
import * as Effect from "effect/Effect"
import { readdirSync, readFileSync, writeSync } from "node:fs"
import { stat } from "node:fs/promises"
import { createInterface } from "node:readline"
import type { Writer } from "../stress/crash/writers.js"
import { writers } from "../stress/crash/writers.js"

const [path = "", writer = "ours", mode = "once"] = process.argv.slice(2)

const say = (line: string): void => void writeSync(1, `${line}\n`)

const switches = (): ReadonlyMap<string, number> =>
  new Map(
    readdirSync("/proc/self/task").map((thread) => {
      const [, count = "0"] =
        /^voluntary_ctxt_switches:\s*(\d+)/m.exec(readFileSync(`/proc/self/task/${thread}/status`, "utf8")) ?? []
      return [thread, Number(count)]
    })
  )

/** Of all threads but the main one, it is the one that wakes up whenever there is something to do with a file. */
const threadOfFiles = async (): Promise<string> => {
  const before = switches()
  for (let i = 0; i < 300; i++) await stat("/")
  const risen = [...switches()].map(([thread, count]) => [thread, count - (before.get(thread) ?? 0)] as const)
  const others = risen.filter(([thread]) => thread !== String(process.pid))
  return others.toSorted(([, one], [, other]) => other - one)[0]?.[0] ?? ""
}

const save = async (first: number): Promise<void> => {
  // One of the two, since whoever starts this has it from their list.
  const save = await Effect.runPromise(writers[writer as Writer](path))
  for (let version = first; version === first || mode === "loop"; version++) {
    await Effect.runPromise(save(version))
    say(String(version))
  }
}

const lines = createInterface({ input: process.stdin })
lines.once("line", (first) => void save(Number(first)))
lines.once("close", () => process.exit(0))
say(`ready ${mode === "once" ? await threadOfFiles() : ""}`)
