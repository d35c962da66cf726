/** Modules in memory as files of the workspace, all in one program: the compiler reads Effect once. */
import { fileURLToPath } from "node:url"
import * as ts from "typescript"

const root = fileURLToPath(new URL("../../../../", import.meta.url))

const optionsOfWorkspace = (): ts.CompilerOptions => {
  const file = `${root}tsconfig.base.json`
  const { compilerOptions } = ts.readConfigFile(file, (path) => ts.sys.readFile(path)).config as {
    readonly compilerOptions: Readonly<Record<string, unknown>>
  }
  const { options } = ts.convertCompilerOptionsFromJson(compilerOptions, root)
  return { ...options, types: ["node"], noUnusedLocals: false, composite: false, incremental: false, noEmit: true }
}

/** The program of some modules, and the names of their files in order. */
export const programInMemory = (
  modules: ReadonlyArray<string>
): { readonly program: ts.Program; readonly files: ReadonlyArray<string> } => {
  const options = optionsOfWorkspace()
  const files = new Map(modules.map((text, index) => [`${root}packages/examples/src/snippet-${index}.ts`, text]))
  const host = ts.createCompilerHost(options)
  const original = { ...host }
  host.fileExists = (name) => files.has(name) || original.fileExists(name)
  host.readFile = (name) => files.get(name) ?? original.readFile(name)
  host.getSourceFile = (name, language, ...rest) => {
    const text = files.get(name)
    return text === undefined
      ? original.getSourceFile(name, language, ...rest)
      : ts.createSourceFile(name, text, language)
  }
  const names = [...files.keys()]
  return { program: ts.createProgram(names, options, host), files: names }
}
