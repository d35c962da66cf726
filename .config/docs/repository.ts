import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

/** The repository as the checks see it: paths from its top level, with `/`. In a test, a table of texts. */
export interface Repository {
  /** The text of a file, `undefined` when there is none. */
  readonly read: (path: string) => string | undefined
  /** Whether there is a file or folder, in this very spelling. */
  readonly has: (path: string) => boolean
  /** The files of the tree that matter here, sorted. */
  readonly files: ReadonlyArray<string>
}

/** The markdown that people read: README.md and its neighbours, and docs/. */
export const documents = (repository: Repository): ReadonlyArray<string> =>
  repository.files.filter((file) => /^(?:[^/]+|docs\/.+)\.md$/.test(file))

/** The packages that are published. */
export const published = ["protocol", "client", "auth", "node", "testing"] as const

/** The modules that users import: everything in `src` itself. */
export const publicModules = (repository: Repository): ReadonlyArray<string> =>
  repository.files.filter((file) =>
    new RegExp(`^packages/(?:${published.join("|")})/src/(?!internal/)(?:[^/]+/)?[^/]+\\.ts$`).test(file)
  )

/** A repository made of texts. */
export const fromTexts = (texts: Readonly<Record<string, string>>): Repository => {
  const files = Object.keys(texts).sort()
  return {
    files,
    read: (path) => texts[path],
    has: (path) => files.some((file) => path === "" || file === path || file.startsWith(`${path}/`))
  }
}

const list = (root: string, folder: string): ReadonlyArray<string> =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`
    if (entry.name === "node_modules" || entry.name === "dist" || entry.name === ".git") return []
    return entry.isDirectory() ? list(root, path) : [path]
  })

/** The repository in a folder. */
export const fromDisk = (root: string): Repository => {
  const files = list(root, "").toSorted()
  const all = new Set(
    files.flatMap((file) => file.split("/").map((_, index, parts) => parts.slice(0, index + 1).join("/")))
  )
  return {
    files,
    has: (path) => all.has(path),
    read: (path) => (existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8") : undefined)
  }
}
