/** The manifests of the published packages name the repository, and export the same entries. */
import { isDeepStrictEqual } from "node:util"
import type { Problem } from "./problem.js"
import { published, type Repository } from "./repository.js"

const url = "https://github.com/countersign/countersign"

const entry = (name: string) => ({ types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` })

const closed = { "./package.json": "./package.json", "./index": null, "./internal/*": null }

/** The fields that all packages have. */
const fieldsOf = (name: string): Readonly<Record<string, unknown>> => ({
  name: `@countersign/${name}`,
  license: "MIT",
  author: "The Countersign authors",
  homepage: `${url}/tree/main/packages/${name}#readme`,
  repository: { type: "git", url: `git+${url}.git`, directory: `packages/${name}` },
  bugs: { url: `${url}/issues` },
  type: "module",
  sideEffects: false,
  engines: { node: ">=20.19" },
  exports: { ".": "./src/index.ts", ...closed, "./*": "./src/*.ts" },
  publishConfig: { access: "public", provenance: true, exports: { ".": entry("index"), ...closed, "./*": entry("*") } }
})

const parse = (text: string): Readonly<Record<string, unknown>> => {
  const manifest: unknown = JSON.parse(text)
  return typeof manifest === "object" && manifest !== null ? { ...manifest } : {}
}

const hasKeywords = (manifest: Readonly<Record<string, unknown>>): boolean => {
  const { keywords } = manifest
  return Array.isArray(keywords) && keywords.includes("countersign") && keywords.length >= 5
}

const checkManifest = (name: string, file: string, text: string): ReadonlyArray<Problem> => {
  const manifest = parse(text)
  const differing = Object.entries(fieldsOf(name)).filter(([key, value]) => !isDeepStrictEqual(manifest[key], value))
  const messages = differing.map(([key, value]) => `its ${key} must be ${JSON.stringify(value)}`)
  const keywords = hasKeywords(manifest) ? [] : ["it needs five keywords, one of them countersign"]
  const description = typeof manifest["description"] === "string" ? [] : ["it needs a description"]
  return [...messages, ...keywords, ...description].map((message) => ({ file, line: 1, message }))
}

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? { ...value } : {}

/** The peer dependencies that a user installs, such as `effect@^3.22`. */
const peersOf = (text: string): ReadonlyArray<string> => {
  const { peerDependencies, peerDependenciesMeta } = parse(text)
  const optional = record(peerDependenciesMeta)
  return Object.entries(record(peerDependencies))
    .filter(([peer]) => !(peer in optional))
    .map(([peer, range]) => `${peer}@${String(range).split(".", 2).join(".")}`)
}

/** The README of a package names the peer dependencies with their ranges in its install command. */
const checkReadme = (name: string, file: string, manifest: string, readme: string): ReadonlyArray<Problem> => {
  const lines = readme.split("\n")
  const at = lines.findIndex((line) => line.startsWith("npm install "))
  const words = (lines[at] ?? "").split(" ")
  return [`@countersign/${name}`, ...peersOf(manifest)]
    .filter((word) => !words.includes(word))
    .map((word) => ({ file, line: at + 1, message: `its install command lacks ${word}` }))
}

/** Reports fields that differ from the other packages, and incomplete install commands. */
export const check = (repository: Repository): ReadonlyArray<Problem> =>
  published.flatMap((name) => {
    const [file, readme] = [`packages/${name}/package.json`, `packages/${name}/README.md`]
    const text = repository.read(file)
    if (text === undefined) return []
    return [...checkManifest(name, file, text), ...checkReadme(name, readme, text, repository.read(readme) ?? "")]
  })
