/** The outputs that the documents show below `<!-- output: file.ts -->`, and the console output of a program. */
import * as ConfigProvider from "effect/ConfigProvider"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { format } from "node:util"
import { expect } from "vitest"
import { parse } from "../../../../.config/docs/markdown.js"
import { publishedPackages } from "../optionNames/publishedPackages.js"

export const root = fileURLToPath(new URL("../../../../", import.meta.url))
const marker = /^<!--\s*output:\s*(\S+)\s*-->$/

const documents = [
  "README.md",
  ...publishedPackages.map((name) => `packages/${name}/README.md`),
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" }).flatMap((file) =>
    file.endsWith(".md") ? [join("docs", file)] : []
  )
]

/** The documented outputs of a program, with their documents. */
export const shown = documents.flatMap((file) =>
  parse(readFileSync(join(root, file), "utf8")).fences.flatMap(({ above, line, lines }) => {
    const program = marker.exec(above)?.[1]
    return program === undefined ? [] : [{ program, where: `${file}:${line}`, output: lines.join("\n") }]
  })
)

/** Compares a program's output with the documents. At least one of them must show it. */
export const expectShown = (program: string, output: string, seen: (text: string) => string = (text) => text): void => {
  const places = shown.filter((one) => one.program === program)
  expect(places.length, `a document with <!-- output: ${program} -->`).toBeGreaterThan(0)
  for (const place of places) expect(seen(place.output), place.where).toBe(seen(output))
}

/** The console output of an effect. */
export const printed = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<string, E, R> =>
  Effect.consoleWith((current) => {
    const lines: Array<string> = []
    const log = (...args: ReadonlyArray<unknown>) => Effect.sync(() => void lines.push(format(...args)))
    const recorded = Console.withConsole(effect, { ...current, log, error: log })
    return Effect.map(recorded, () => lines.join("\n"))
  })

/** Runs an effect with these values of its `Config`. */
export const config = (
  entries: Readonly<Record<string, string>>
): (<A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>) =>
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(entries))))
