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

/** Reports fields that differ from the other packages. */
export const check = (repository: Repository): ReadonlyArray<Problem> =>
  published.flatMap((name) => {
    const file = `packages/${name}/package.json`
    const text = repository.read(file)
    return text === undefined ? [] : checkManifest(name, file, text)
  })
