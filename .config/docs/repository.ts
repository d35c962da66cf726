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
  repository.files.filter((file) => new RegExp(`^packages/(?:${published.join("|")})/src/[^/]+\\.ts$`).test(file))

/** A repository made of texts. */
export const fromTexts = (texts: Readonly<Record<string, string>>): Repository => {
  const files = Object.keys(texts).sort()
  return {
    files,
    read: (path) => texts[path],
    has: (path) => files.some((file) => path === "" || file === path || file.startsWith(`${path}/`))
  }
}
