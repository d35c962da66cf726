/** Links between files of the repository have an existing target. */
import { posix } from "node:path"
import { parse, type Line } from "./markdown.js"
import type { Problem } from "./problem.js"
import { documents, type Repository } from "./repository.js"

const inline = /!?\[(?:[^\]\\]|\\.)*\]\(\s*<?([^)\s>]+)>?(?:\s+["'(][^)]*)?\)/g
const reference = /^\s{0,3}\[[^\]]+\]:\s*<?([^\s>]+)>?/
const html = /\b(?:href|src)="([^"]+)"/g
/** A file of the repository, as the README of a package on npm links to it. */
const published = /^https:\/\/github\.com\/countersign\/countersign\/(?:blob|tree)\/main\//
const isElsewhere = (target: string): boolean => /^(?:[a-z][a-z0-9+.-]*:|\/\/)/i.test(target)

const targets = ({ text }: Line): ReadonlyArray<string> => {
  const prose = text.replace(/(`+)(?!`).*?\1/g, "``")
  const found = [...prose.matchAll(inline), ...prose.matchAll(html)].map((match) => match[1] ?? "")
  const definition = reference.exec(prose)?.[1]
  return definition === undefined ? found : [...found, definition]
}

/** The anchor of a heading, as GitHub and similar hosts generate it. */
export const slug = (heading: string): string =>
  heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replace(/\s/g, "-")

const anchors = (text: string): ReadonlySet<string> => {
  const seen = new Map<string, number>()
  const headings = parse(text).prose.flatMap((line) => /^#{1,6}\s+(.*?)\s*#*$/.exec(line.text)?.[1] ?? [])
  const numbered = headings.map((heading) => {
    const name = slug(heading)
    const before = seen.get(name) ?? 0
    seen.set(name, before + 1)
    return before === 0 ? name : `${name}-${before}`
  })
  const named = [...text.matchAll(/<a\s+(?:id|name)="([^"]+)"/g)].map((match) => match[1] ?? "")
  return new Set([...numbered, ...named])
}

const decode = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** The problem of a link, or `undefined`. */
const objection = (repository: Repository, file: string, target: string): string | undefined => {
  const [rawPath = "", anchor] = target.split("#")
  const path = decode(rawPath)
  if (path === undefined) return `the link ${target} is badly encoded`
  if (path.startsWith("/")) return `the link ${target} starts with /: links are relative to their file`
  const found = path === "" ? file : posix.normalize(posix.join(posix.dirname(file), path)).replace(/\/$/, "")
  if (found.startsWith("..")) return `the link ${target} leaves the repository`
  if (found !== "." && !repository.has(found)) return `the link ${target} leads nowhere: there is no ${found}`
  if (anchor === undefined || !found.endsWith(".md")) return undefined
  return anchors(repository.read(found) ?? "").has(anchor) ? undefined : `${found} has no heading for #${anchor}`
}

/** A README of a package has absolute links only: its reader may see it on npm. */
const problemOf = (repository: Repository, file: string, target: string): string | undefined => {
  if (published.test(target)) return objection(repository, "README.md", target.replace(published, ""))
  if (isElsewhere(target)) return undefined
  return file.startsWith("packages/") && !target.startsWith("#")
    ? `the link ${target} is relative: npm shows this file, so begin with https://github.com/countersign/countersign/blob/main/`
    : objection(repository, file, target)
}

/** Reports links without an existing target. */
export const check = (repository: Repository): ReadonlyArray<Problem> =>
  documents(repository).flatMap((file) =>
    parse(repository.read(file) ?? "").prose.flatMap((line) =>
      targets(line)
        .flatMap((target) => problemOf(repository, file, target) ?? [])
        .map((message) => ({ file, line: line.number, message }))
    )
  )
