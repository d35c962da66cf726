import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

/** The files of the repository, by paths from its top level with `/`. Tests use a record of texts. */
export interface Repository {
  /** The text of a file, or `undefined`. */
  readonly read: (path: string) => string | undefined
  /** Whether a file or folder exists in exactly this spelling. */
  readonly has: (path: string) => boolean
  /** The files, sorted, without dependencies and build output. */
  readonly files: ReadonlyArray<string>
}

/** The Markdown documents: those of the top level, docs/, and the README of each package. */
export const documents = (repository: Repository): ReadonlyArray<string> =>
  repository.files.filter((file) => /^(?:[^/]+|docs\/.+|packages\/[^/]+\/README)\.md$/.test(file))

/** The packages that are published. */
export const published = ["protocol", "client", "auth", "node", "redis", "sql", "testing"] as const

/** The modules of a package that users import: `src` without `internal`, and without the root module. */
export const modulesOf = (repository: Repository, name: string): ReadonlyArray<string> =>
  repository.files.filter((file) =>
    new RegExp(`^packages/${name}/src/(?!internal/|index\\.ts$)(?:[^/]+/)?[^/]+\\.ts$`).test(file)
  )

/** The modules of all packages that users import. */
export const publicModules = (repository: Repository): ReadonlyArray<string> =>
  published.flatMap((name) => modulesOf(repository, name))

/** Makes a repository from texts. */
export const fromTexts = (texts: Readonly<Record<string, string>>): Repository => {
  const files = Object.keys(texts).sort()
  return {
    files,
    read: (path) => texts[path],
    has: (path) => files.some((file) => path === "" || file === path || file.startsWith(`${path}/`))
  }
}

const generated: ReadonlySet<string> = new Set(["node_modules", "dist", ".git", ".site"])

const list = (root: string, folder: string): ReadonlyArray<string> =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`
    if (generated.has(entry.name)) return []
    return entry.isDirectory() ? list(root, path) : [path]
  })

/** Reads the repository in a folder. */
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
