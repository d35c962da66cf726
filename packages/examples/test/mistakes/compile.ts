/** Compiles snippets as files of the workspace, all in one program, and returns the first error of each. */
import { existsSync } from "node:fs"
import { setImmediate } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import * as ts from "typescript"
import { publishedPackages } from "../optionNames/publishedPackages.js"
import { programInMemory } from "../support/programInMemory.js"

/** The first error of a snippet. */
export interface FirstError {
  /** Such as `TS2353`. */
  readonly code: string
  /** The message with all its nested lines. */
  readonly message: string
  /** The text that the editor underlines. */
  readonly at: string
}

const root = fileURLToPath(new URL("../../../../", import.meta.url))

/** The module of a namespace, such as `@countersign/client/ApiClient` for `ApiClient`. */
const moduleOf = (name: string): string => {
  const own = publishedPackages.find((folder) => existsSync(`${root}packages/${folder}/src/${name}.ts`))
  if (own !== undefined) return `@countersign/${own}/${name}`
  if (existsSync(`${root}packages/auth/src/providers/${name}.ts`)) return `@countersign/auth/providers/${name}`
  if (name === "NodeRuntime") return "@effect/platform-node/NodeRuntime"
  return name.includes("Http") ? `@effect/platform/${name}` : `effect/${name}`
}

/** The imports of a snippet: each namespace that it uses and does not import itself. */
const withImports = (snippet: string): string => {
  const used = new Set(Array.from(snippet.matchAll(/(?<![.\w"'])([A-Z]\w+)\.(?=\w)/g), ([, name = ""]) => name))
  const imported = [...used].filter((name) => !new RegExp(`(?:class|const|import)[ {]+${name}\\b`).test(snippet))
  return [...imported.map((name) => `import * as ${name} from "${moduleOf(name)}"`), snippet, "export {}"].join("\n")
}

/** Returns the first error of each snippet, see {@link compileModules}. Imports of its namespaces are added. */
export const compile = (snippets: ReadonlyArray<string>): Promise<ReadonlyArray<FirstError | undefined>> =>
  compileModules(snippets.map(withImports))

/**
 * Returns the first error of each module. Undefined for a module that compiles.
 *
 * It yields between modules, because the test runner expects the worker to answer within a minute.
 */
export const compileModules = async (
  modules: ReadonlyArray<string>
): Promise<ReadonlyArray<FirstError | undefined>> => {
  const { files, program } = programInMemory(modules)
  const errors: Array<FirstError | undefined> = []
  for (const name of files) {
    await setImmediate()
    errors.push(firstErrorOf(program, name))
  }
  return errors
}

const firstErrorOf = (program: ts.Program, name: string): FirstError | undefined => {
  const source = program.getSourceFile(name)
  const [first] = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
  if (first === undefined) return undefined
  const start = first.start ?? 0
  return {
    code: `TS${first.code}`,
    message: ts.flattenDiagnosticMessageText(first.messageText, "\n"),
    at: source?.text.slice(start, start + (first.length ?? 0)) ?? ""
  }
}
