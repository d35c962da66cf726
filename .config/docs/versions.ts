/** The published packages have one version, and what repeats it agrees. */
import { isDeepStrictEqual } from "node:util"
import type { Problem } from "./problem.js"
import { published, type Repository } from "./repository.js"

/** The module with the version that the client sends in `user-agent`. */
export const versionFile = "packages/client/src/internal/client/version.ts"

const settingsFile = ".changeset/config.json"

/** The text of the module `versionFile`. */
export const versionModule = (version: string): string =>
  `/** Version of this package. A test compares it with \`package.json\`. */\nexport const version = "${version}"\n`

const parse = (text = "{}"): Readonly<Record<string, unknown>> => {
  const value: unknown = JSON.parse(text)
  return typeof value === "object" && value !== null ? { ...value } : {}
}

const manifestFile = (name: string): string => `packages/${name}/package.json`

const read = (repository: Repository, name: string): unknown => parse(repository.read(manifestFile(name)))["version"]

/** The version of the first package, or `undefined` if it is not a semantic version. */
export const versionOf = (repository: Repository): string | undefined => {
  const version = read(repository, published[0])
  return typeof version === "string" && /^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version) ? version : undefined
}

const checkManifests = (repository: Repository, version: string): ReadonlyArray<Problem> =>
  published.flatMap((name) => {
    const found = read(repository, name)
    if (found === version) return []
    const message = `its version is ${String(found)}, and that of ${published[0]} is ${version}. Make them equal.`
    return [{ file: manifestFile(name), line: 1, message }]
  })

const checkModule = (repository: Repository, version: string): ReadonlyArray<Problem> => {
  if (repository.read(versionFile) === versionModule(version)) return []
  return [{ file: versionFile, line: 2, message: `it must export the version of the packages, "${version}".` }]
}

/** changesets gives the packages of a group in `fixed` one version. */
const checkSettings = (repository: Repository): ReadonlyArray<Problem> => {
  const names = published.map((name) => `@countersign/${name}`)
  if (isDeepStrictEqual(parse(repository.read(settingsFile))["fixed"], [names])) return []
  return [{ file: settingsFile, line: 1, message: `its fixed must be ${JSON.stringify([names])}` }]
}

/** Reports versions that disagree, and published packages that changesets would not keep at one version. */
export const check = (repository: Repository): ReadonlyArray<Problem> => {
  const version = versionOf(repository)
  if (version === undefined) {
    return [{ file: manifestFile(published[0]), line: 1, message: "its version is not a semantic version." }]
  }
  return [...checkManifests(repository, version), ...checkModule(repository, version), ...checkSettings(repository)]
}
