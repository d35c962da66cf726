/** Type errors of the rewritten packages. */
import { relative } from "node:path"
import ts from "typescript"
import { published } from "../docs/repository.js"
import { readOptions, sourcesOf } from "./workspace.js"

/** The type errors of a package. */
export interface Count {
  readonly name: string
  readonly files: number
  readonly filesWithErrors: number
  readonly errors: ReadonlyArray<string>
}

const textOf = (folder: string, { code, file, messageText, start = 0 }: ts.Diagnostic): string => {
  const message = ts.flattenDiagnosticMessageText(messageText, "\n")
  if (file === undefined) return `error TS${code}: ${message}`
  const { character, line } = file.getLineAndCharacterOfPosition(start)
  return `${relative(folder, file.fileName)}(${line + 1},${character + 1}): error TS${code}: ${message}`
}

/** Checks the types of all packages in a folder. */
export const countErrors = (folder: string): ReadonlyArray<Count> => {
  const program = ts.createProgram(
    published.flatMap((name) => sourcesOf(folder, name)),
    readOptions(folder)
  )
  const general = [...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics()]
  if (general.length > 0) throw new Error(general.map((one) => textOf(folder, one)).join("\n"))
  return published.map((name) => {
    const found = sourcesOf(folder, name).map((path) => {
      const file = program.getSourceFile(path)
      return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]
    })
    const filesWithErrors = found.filter(({ length }) => length > 0).length
    return { name, files: found.length, filesWithErrors, errors: found.flat().map((one) => textOf(folder, one)) }
  })
}
