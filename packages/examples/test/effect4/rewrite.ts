/** Runs the codemod of `npm run effect4` over sources in memory. */
import { Codemod } from "../../../../.config/effect4/codemod.js"
import { programInMemory } from "../support/programInMemory.js"

/** Rewrites each source as a module of this package. */
export const rewriteAll = (sources: ReadonlyArray<string>): ReadonlyArray<string> => {
  const { files, program } = programInMemory(sources)
  const checker = program.getTypeChecker()
  return files.map((name) => {
    const file = program.getSourceFile(name)
    if (file === undefined) throw new Error(`the compiler cannot read ${name}`)
    return new Codemod(file, checker).print()
  })
}
