/**
 * Code in the documents runs in tests: each `ts` fence repeats a file of the examples, or a region of one.
 *
 *     <!-- snippet: packages/examples/src/first-call.ts#call -->
 *     ```ts
 *     …the lines between `// #region call` and `// #endregion` in that file…
 *     ```
 */
import { parse, replaceFence, type Document, type Fence, type Line } from "./markdown.js"
import type { Problem } from "./problem.js"
import { documents, type Repository } from "./repository.js"

const folder = "packages/examples/"
const marker = /^<!--\s*snippet:\s*([^\s#]+)(?:#(\S+))?\s*-->$/
const regionStart = /^\s*\/\/\s*#region\s+(\S+)\s*$/
const regionEnd = /^\s*\/\/\s*#endregion\b/
const languages = ["ts", "typescript", "tsx", "mts"]

const isTypeScript = ({ info }: Fence): boolean => languages.includes(info.split(/[\s{]/)[0] ?? "")

const trimBlank = (lines: ReadonlyArray<string>): ReadonlyArray<string> => {
  const isText = (line: string) => line.trim() !== ""
  return lines.slice(lines.findIndex(isText), lines.findLastIndex(isText) + 1)
}

const dedent = (lines: ReadonlyArray<string>): ReadonlyArray<string> => {
  const indents = lines.filter((line) => line.trim() !== "").map((line) => line.length - line.trimStart().length)
  const common = Math.min(...indents)
  return lines.map((line) => line.slice(common))
}

/** The lines between the markers of a region, or `undefined` without start or end. */
const between = (lines: ReadonlyArray<string>, name: string): ReadonlyArray<string> | undefined => {
  const start = lines.findIndex((line) => regionStart.exec(line)?.[1] === name)
  if (start === -1) return undefined
  let depth = 1
  for (let at = start + 1; at < lines.length; at++) {
    const line = lines[at] ?? ""
    depth += regionStart.test(line) ? 1 : regionEnd.test(line) ? -1 : 0
    if (depth === 0) return lines.slice(start + 1, at)
  }
  return undefined
}

/** The lines of a region, or of the whole file, without markers. */
const extract = (text: string, region: string | undefined): ReadonlyArray<string> | undefined => {
  const lines = text.split(/\r?\n/)
  const part = region === undefined ? lines : between(lines, region)
  const shown = part?.filter((line) => !regionStart.test(line) && !regionEnd.test(line))
  return shown === undefined ? undefined : trimBlank(dedent(shown))
}

/** The expected lines of a fence, or the problem of its marker. */
const wanted = (repository: Repository, fence: Fence): ReadonlyArray<string> | string => {
  const [, path, region] = marker.exec(fence.above) ?? []
  if (path === undefined)
    return `a ts fence without \`<!-- snippet: ${folder}src/….ts#region -->\` above it: show code that runs`
  if (!path.startsWith(folder)) return `the snippet ${path} is not in ${folder}`
  const text = repository.read(path)
  if (text === undefined) return `the snippet's file ${path} is not there`
  return extract(text, region) ?? `${path} has no \`// #region ${region ?? ""}\` with an \`// #endregion\``
}

const isSame = (fence: Fence, lines: ReadonlyArray<string>): boolean => fence.lines.join("\n") === lines.join("\n")

/** The problem of a fence, or `undefined`. */
const problemOf = (repository: Repository, fence: Fence): string | undefined => {
  if (fence.lines.every((line) => line.trim() === "")) return "an empty fence: show code, or remove the fence"
  if (!isTypeScript(fence)) return undefined
  const lines = wanted(repository, fence)
  if (typeof lines === "string") return lines
  return isSame(fence, lines) ? undefined : "differs from its file; `npm run docs -- --write` copies it"
}

/** The snippet markers without a `ts` fence below them. */
const withoutFence = ({ fences, prose }: Document): ReadonlyArray<Line> =>
  prose.filter(({ number, text }) => {
    if (!marker.test(text.trim())) return false
    const next = fences.find(({ line }) => line > number)
    const between = prose.some(
      (line) => line.number > number && line.number < (next?.line ?? 0) && line.text.trim() !== ""
    )
    return next === undefined || between || !isTypeScript(next)
  })

/** Reports fences that are empty, have no file or differ from it, and markers without a fence. */
export const check = (repository: Repository): ReadonlyArray<Problem> =>
  documents(repository).flatMap((file) => {
    const document = parse(repository.read(file) ?? "")
    return [
      ...document.fences.flatMap((fence) => {
        const message = problemOf(repository, fence)
        return message === undefined ? [] : [{ file, line: fence.line, message }]
      }),
      ...withoutFence(document).map(({ number }) => ({
        file,
        line: number,
        message:
          'a snippet marker without a ts fence below it: add "```ts" and "```", then run `npm run docs -- --write`'
      }))
    ]
  })

/** Returns the document with updated fences. */
export const update = (repository: Repository, text: string): string =>
  parse(text)
    // From the end, so that the line numbers of earlier fences stay valid.
    .fences.filter(isTypeScript)
    .reverse()
    .reduce((done, fence) => {
      const lines = wanted(repository, fence)
      return typeof lines === "string" || isSame(fence, lines) ? done : replaceFence(done, fence, lines)
    }, text)
