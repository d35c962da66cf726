/** Limits the supply chain of the packages: few dependencies, a decision record for each, and no install scripts. */
import type { Problem } from "./problem.js"
import { published, type Repository } from "./repository.js"

const most = 3
const installScripts = ["preinstall", "install", "postinstall", "prepare", "prepublish"]

const object = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? { ...value } : {}

const parse = (text: string | undefined): Readonly<Record<string, unknown>> => {
  try {
    return object(JSON.parse(text ?? "{}"))
  } catch {
    return {}
  }
}

const names = (field: unknown): ReadonlyArray<string> => Object.keys(object(field))

const isWord = (text: string, name: string): boolean =>
  new RegExp(`(?<![\\w@/-])${name.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&")}(?![\\w/-])`).test(text)

/** Reports too many dependencies, dependencies without a decision record, and install scripts. */
export const check = (repository: Repository): ReadonlyArray<Problem> => {
  const records = repository.files.filter((file) => /^docs\/decisions\/.+\.md$/.test(file))
  const decisions = records.map((file) => repository.read(file) ?? "").join("\n")
  return published.flatMap((name) => {
    const file = `packages/${name}/package.json`
    const manifest = parse(repository.read(file))
    const theirs = names(manifest["dependencies"]).filter((dependency) => !dependency.startsWith("@countersign/"))
    const scriptsOf = (path: string) =>
      names(parse(repository.read(path))["scripts"]).filter((script) => installScripts.includes(script))
    const problem = (message: string): Problem => ({ file, line: 1, message })
    return [
      ...(theirs.length > most ? [problem(`has ${theirs.length} dependencies; at most ${most} are allowed`)] : []),
      ...theirs
        .filter((dependency) => !isWord(decisions, dependency))
        .map((dependency) => problem(`depends on ${dependency}, which no record in docs/decisions/ names`)),
      ...names(manifest["optionalDependencies"]).map((one) => problem(`has an optional dependency, ${one}`)),
      ...scriptsOf(file).map((script) => problem(`has the script ${script}, which runs on install`)),
      ...theirs
        .filter((one) =>
          scriptsOf(`packages/${name}/node_modules/${one}/package.json`).some((s) => s.endsWith("install"))
        )
        .map((dependency) => problem(`depends on ${dependency}, which runs code on install`))
    ]
  })
}
