/** Compares the tables `option | default` of the documents with the `defaults` that modules export. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { posix } from "node:path"
import { pathToFileURL } from "node:url"
import { cellsOf, isRow, parse, plain, type Line } from "./markdown.js"
import type { Problem } from "./problem.js"
import { publicModules, type Repository } from "./repository.js"

/** The document that has the tables, each under a heading that is its module's name. */
const optionsDocument = "docs/reference/options.md"

/** A module and its exported `defaults`. */
export interface Module {
  readonly file: string
  readonly name: string
  readonly defaults: Readonly<Record<string, unknown>>
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

/** Imports each public module that exports `defaults`, to compare values instead of source text. */
export const load = (root: string, repository: Repository): Promise<ReadonlyArray<Module>> => {
  const files = publicModules(repository).filter((file) =>
    /^export (?:const defaults\b|\{[^}]*\bdefaults\b[^}]*\} from )/m.test(repository.read(file) ?? "")
  )
  return Promise.all(
    files.map(async (file) => {
      const exported: unknown = await import(/* @vite-ignore */ pathToFileURL(posix.join(root, file)).href)
      const defaults = isRecord(exported) && isRecord(exported["defaults"]) ? exported["defaults"] : {}
      return { file, name: posix.basename(file, ".ts"), defaults }
    })
  )
}

const units: ReadonlyArray<readonly [name: string, bytes: number]> = [
  ["MiB", 1024 * 1024],
  ["KiB", 1024],
  ["bytes", 1]
]

const size = (bytes: number): string => {
  const [name, unit] = units.find(([, one]) => bytes >= one && bytes % one === 0) ?? ["bytes", 1]
  return `${bytes / unit} ${name}`
}

const time = (millis: number): string => (millis < 1000 ? `${millis} ms` : `${millis / 1000} s`)

/** Formats a default as in the tables: `60 s`, `10 MiB`, `POST, PATCH`, `off`. */
export const shown = (option: string, value: unknown): string => {
  if (Array.isArray(value)) return value.map((one) => shown(option, one)).join(", ")
  if (typeof value === "boolean") return value ? "on" : "off"
  if (typeof value === "number") return /size$/i.test(option) ? size(value) : String(value)
  const duration = Duration.decodeUnknown(value)
  return Option.isSome(duration) ? time(Duration.toMillis(duration.value)) : String(value)
}

interface Row {
  readonly line: number
  readonly module: string
  readonly option: string
  readonly value: string
}

const isHeader = (text: string): boolean => isRow(text) && cellsOf(text).slice(0, 2).join("|") === "option|default"

const rowsBelow = (lines: ReadonlyArray<Line>, module: string): ReadonlyArray<Row> => {
  const end = lines.findIndex(({ text }) => !isRow(text))
  return lines.slice(2, end === -1 ? lines.length : end).map(({ number, text }) => {
    const [option = "", value = ""] = cellsOf(text).map(plain)
    return { line: number, module, option, value }
  })
}

const rowsOf = (text: string): ReadonlyArray<Row> => {
  const { prose } = parse(text)
  let module = ""
  return prose.flatMap((line, at) => {
    module = /^#+\s+(\w*)/.exec(line.text)?.[1] ?? module
    return isHeader(line.text) ? rowsBelow(prose.slice(at), module) : []
  })
}

/** The differences between a document's tables and the code: wrong, missing and additional rows. */
export const compare = (file: string, text: string, modules: ReadonlyArray<Module>): ReadonlyArray<Problem> => {
  const rows = rowsOf(text)
  const differing = rows.flatMap(({ line, module, option, value }) => {
    const defaults = modules.find(({ name }) => name === module)?.defaults ?? {}
    if (!Object.hasOwn(defaults, option)) return [{ file, line, message: `${module}.defaults has no \`${option}\`` }]
    const expected = shown(option, defaults[option])
    const message = `\`${option}\` is ${value} here and ${expected} in ${module}.defaults`
    return value === expected ? [] : [{ file, line, message }]
  })
  const missing = modules.flatMap(({ defaults, name }) =>
    Object.keys(defaults)
      .filter((option) => !rows.some((row) => row.module === name && row.option === option))
      .map((option) => ({ file, line: 1, message: `has no row for \`${option}\` under a heading of ${name}` }))
  )
  return [...differing, ...missing]
}

/** Reports tables that differ from the code. */
export const check =
  (modules: ReadonlyArray<Module>) =>
  (repository: Repository): ReadonlyArray<Problem> =>
    compare(optionsDocument, repository.read(optionsDocument) ?? "", modules)
