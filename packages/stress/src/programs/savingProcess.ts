/**
 * Saves, and says on standard output which version is durable, at once and without a queue that would die with it. It
 * prints `ready`, and the number of the thread that its files are written in; begins with the first line it is sent;
 * saves the versions from the one it was told on, once or until it is killed; and ends with its standard input.
 */
import * as Effect from "effect/Effect"
import { writeSync } from "node:fs"
import { createInterface } from "node:readline"
import { threadOfFiles } from "../crash/fileThread.js"
import type { Writer } from "../crash/storeVariants.js"
import { writers } from "../crash/storeVariants.js"

const [path = "", writer = "ours", mode = "once"] = process.argv.slice(2)

const say = (line: string): void => void writeSync(1, `${line}\n`)

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
