/** The text that an editor shows for a name, from the TypeScript language service. */
import { setImmediate } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import * as ts from "typescript"
import { program } from "./program.js"

const root = fileURLToPath(new URL("../../../../", import.meta.url))

const file = `${root}packages/examples/test/hovers/marked.ts`

/** What an editor shows for a name. */
export interface Hover {
  /** The name, after the name before it and a point: `Api.layer`. */
  readonly name: string
  readonly type: string
  /** The documentation. Links have the form `{@link …}`. */
  readonly text: string
}

const optionsOfWorkspace = (): ts.CompilerOptions => {
  const { compilerOptions } = ts.readConfigFile(`${root}tsconfig.base.json`, (path) => ts.sys.readFile(path))
    .config as { readonly compilerOptions: Readonly<Record<string, unknown>> }
  const { options } = ts.convertCompilerOptionsFromJson(compilerOptions, root)
  return { ...options, composite: false, incremental: false, types: ["node"] }
}

const serviceFor = (text: string): ts.LanguageService => {
  const options = optionsOfWorkspace()
  const read = (path: string) => (path === file ? text : ts.sys.readFile(path))
  return ts.createLanguageService({
    getCompilationSettings: () => options,
    getScriptFileNames: () => [file],
    getScriptVersion: () => "1",
    getScriptSnapshot: (path) => {
      const content = read(path)
      return content === undefined ? undefined : ts.ScriptSnapshot.fromString(content)
    },
    getCurrentDirectory: () => root,
    getDefaultLibFileName: (given) => ts.getDefaultLibFilePath(given),
    fileExists: (path) => path === file || ts.sys.fileExists(path),
    readFile: read,
    directoryExists: (path) => ts.sys.directoryExists(path),
    getDirectories: (path) => ts.sys.getDirectories(path)
  })
}

/** The program without its marks, and the names with their positions. */
const parse = () => {
  const names: Array<readonly [name: string, position: number]> = []
  let text = ""
  for (const [index, part] of program.split(/[«»]/).entries()) {
    if (index % 2 === 1) names.push([(/\w+\.$/.exec(text)?.[0] ?? "") + part, text.length])
    text += part
  }
  return { text, names }
}

/**
 * Returns the hovers of all marked names.
 *
 * It yields between names, because the test runner expects the worker to answer within a minute.
 */
export const hovers = async (): Promise<ReadonlyArray<Hover>> => {
  const { names, text } = parse()
  const service = serviceFor(text)
  const found: Array<Hover> = []
  for (const [name, position] of names) {
    await setImmediate()
    const info = service.getQuickInfoAtPosition(file, position)
    found.push({
      name,
      type: ts.displayPartsToString(info?.displayParts),
      text: ts.displayPartsToString(info?.documentation)
    })
  }
  return found
}
