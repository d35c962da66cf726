/**
 * The root modules, such as `@countersign/client`: they export each public module as a namespace.
 * `npm run docs -- --write` writes them.
 */
import { posix } from "node:path"
import type { Problem } from "./problem.js"
import { modulesOf, published, type Repository } from "./repository.js"

const nameOf = (module: string): string => posix.basename(module, ".ts")

/** The first paragraph of a module comment, as lines without the comment's frame. Directives may precede the comment. */
export const introduction = (text: string): ReadonlyArray<string> => {
  const [, block = ""] = /^(?:\/\/\/.*\n)*\/\*\*([\s\S]*?)\*\//.exec(text) ?? []
  const lines = block.split("\n").map((line) => line.replace(/^\s*\*?\s?/, "").trimEnd())
  const paragraph = lines.slice(lines.findIndex((line) => line !== ""))
  const end = paragraph.findIndex((line) => line === "" || line.startsWith("@"))
  return end === -1 ? paragraph : paragraph.slice(0, end)
}

const commentOf = (lines: ReadonlyArray<string>): string =>
  lines.length === 1 ? `/** ${lines[0]} */` : ["/**", ...lines.map((line) => ` * ${line}`), " */"].join("\n")

const exportOf = (repository: Repository, file: string, module: string): string => {
  const comment = commentOf(introduction(repository.read(file) ?? ""))
  return `${comment}\nexport * as ${nameOf(module)} from "./${module.replace(/\.ts$/, ".js")}"`
}

/** The path of a package's root module. */
export const rootOf = (name: string): string => `packages/${name}/src/index.ts`

/** The text of a package's root module. */
export const textOf = (repository: Repository, name: string): string => {
  const folder = `packages/${name}/src/`
  const modules = modulesOf(repository, name)
    .map((file) => file.slice(folder.length))
    .toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
  const comment = [
    "/**",
    ` * The public modules of \`@countersign/${name}\` as namespaces. \`npm run docs -- --write\` writes this file.`,
    " *",
    " * @since 0.1.0",
    " */"
  ].join("\n")
  return [comment, ...modules.map((module) => exportOf(repository, `${folder}${module}`, module)), ""].join("\n")
}

/** Two modules with one name, which the root module cannot both export. */
const ambiguous = (repository: Repository, name: string): ReadonlyArray<Problem> => {
  const files = modulesOf(repository, name)
  const seen = new Map(files.map((file) => [nameOf(file), file]))
  return files
    .filter((file) => seen.get(nameOf(file)) !== file)
    .map((file) => ({ file, line: 1, message: `has the name of ${seen.get(nameOf(file))}. Rename one of them` }))
}

/** Reports root modules that differ from the public modules of their packages. */
export const check = (repository: Repository): ReadonlyArray<Problem> =>
  published
    .filter((name) => modulesOf(repository, name).length > 0)
    .flatMap((name) => {
      const file = rootOf(name)
      const isCurrent = repository.read(file) === textOf(repository, name)
      const outdated = {
        file,
        line: 1,
        message: "differs from the public modules; `npm run docs -- --write` writes it"
      }
      return [...ambiguous(repository, name), ...(isCurrent ? [] : [outdated])]
    })
