/**
 * Circular imports inside a package, type imports included: a module of a circle cannot be read, moved or tested without
 * the others. The linter's rule ignores type imports.
 */
import { posix } from "node:path"
import ts from "typescript"
import type { Problem } from "./problem.js"
import { published, type Repository } from "./repository.js"

type Graph = ReadonlyMap<string, ReadonlyArray<string>>

/** The modules that a module imports or re-exports by a relative path, also for types only and by `import("./a.js")`. */
const importsOf = (file: string, text: string): ReadonlyArray<string> =>
  ts
    .preProcessFile(text, true, true)
    .importedFiles.filter(({ fileName }) => fileName.startsWith("."))
    .map(({ fileName }) => posix.join(posix.dirname(file), fileName).replace(/\.js$/, ".ts"))

const graphOf = (repository: Repository, name: string): Graph =>
  new Map(
    repository.files
      .filter((file) => file.startsWith(`packages/${name}/src/`) && file.endsWith(".ts"))
      .map((file) => [file, importsOf(file, repository.read(file) ?? "")])
  )

/** The shortest path from a module back to itself, or undefined. */
const circleOf = (graph: Graph, start: string): ReadonlyArray<string> | undefined => {
  const reached = new Set<string>()
  let ways: ReadonlyArray<ReadonlyArray<string>> = [[start]]
  while (ways.length > 0) {
    const longer = ways.flatMap((way) => (graph.get(way.at(-1) ?? "") ?? []).map((next) => [...way, next]))
    const closed = longer.find((way) => way.at(-1) === start)
    if (closed !== undefined) return closed
    ways = longer.filter((way) => {
      const end = way.at(-1) ?? ""
      return !reached.has(end) && reached.add(end)
    })
  }
  return undefined
}

/** Each circle once: the shortest circle of each module that is not part of an earlier circle. */
const circlesOf = (graph: Graph): ReadonlyArray<ReadonlyArray<string>> => {
  const seen = new Set<string>()
  return [...graph.keys()].flatMap((file) => {
    const circle = seen.has(file) ? undefined : circleOf(graph, file)
    for (const one of circle ?? []) seen.add(one)
    return circle === undefined ? [] : [circle]
  })
}

/** The circles of all packages. */
export const check = (repository: Repository): ReadonlyArray<Problem> =>
  published.flatMap((name) =>
    circlesOf(graphOf(repository, name)).map(([file = "", ...others]) => {
      const way = others.map((one) => one.slice(`packages/${name}/src/`.length)).join(" → ")
      return { file, line: 1, message: `is in a circle of imports: → ${way}` }
    })
  )
