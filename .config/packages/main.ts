/**
 * Checks the packages as npm would publish them: `npm run packages`. It packs them, runs publint and attw, and does what a
 * new user does, also with the wrong version of Effect. It needs npm's registry or its cache.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { checkFirstProgram } from "./firstProgram.js"
import { checkTypes, lint, pack } from "./packed.js"
import { checkWrongEffect } from "./wrongEffect.js"

const room = mkdtempSync(join(tmpdir(), "countersign-packages-"))
let problems = 0

/** Runs a check and prints its outcome. It fails if it takes longer than `seconds`. */
const check = async (what: string, run: () => Promise<void>, seconds = 120): Promise<void> => {
  const started = performance.now()
  const problem = await run().then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error))
  )
  const duration = Math.round((performance.now() - started) / 1000)
  const late = duration > seconds ? `it took ${duration} s, and ${seconds} s are allowed` : undefined
  const found = problem ?? late
  if (found !== undefined) problems++
  console.log(`${found === undefined ? "✓" : "✗"} ${what} (${duration} s)${found === undefined ? "" : `\n${found}`}`)
}

try {
  const packages = await pack(join(room, "tarballs"))
  await check("publint reports nothing", () => lint(packages))
  await check("attw reports nothing for ES modules", () => checkTypes(packages))
  await check("the programs of READMEs run as ES modules and as CommonJS", () => checkFirstProgram(packages, room))
  await check("with Effect 4, the messages say what to install", () => checkWrongEffect(packages, room))
} finally {
  rmSync(room, { recursive: true, force: true })
}
process.exitCode = problems === 0 ? 0 : 1
