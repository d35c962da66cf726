/**
 * Stores tokens, and prints each version that is durable, synchronously, so that no line is lost with the process. It first
 * prints `ready` and the id of its file thread. The first input line is the first version to store. It stores this version,
 * or this and all following ones until it is killed, and ends with its standard input.
 */
import * as Effect from "effect/Effect"
import { writeSync } from "node:fs"
import { createInterface } from "node:readline"
import { threadOfFiles } from "../crash/fileThread.js"
import type { Writer } from "../crash/storeVariants.js"
import { writers } from "../crash/storeVariants.js"

const [path = "", writer = "ours", mode = "once"] = process.argv.slice(2)

const print = (line: string): void => void writeSync(1, `${line}\n`)

const save = async (first: number): Promise<void> => {
  // The process that starts this one passes a valid name.
  const save = await Effect.runPromise(writers[writer as Writer](path))
  for (let version = first; version === first || mode === "loop"; version++) {
    await Effect.runPromise(save(version))
    print(String(version))
  }
}

const lines = createInterface({ input: process.stdin })
lines.once("line", (first) => void save(Number(first)))
lines.once("close", () => process.exit(0))
print(`ready ${mode === "once" ? await threadOfFiles() : ""}`)
