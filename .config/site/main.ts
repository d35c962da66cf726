/**
 * The documentation site: `npm run site` builds it and serves it, `npm run site -- --build` only builds it. The pages and the
 * site are in `.site`. A warning of TypeDoc and a dead link fail the build.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build, serve } from "vitepress"
import { fromDisk } from "../docs/repository.js"
import { deadAnchors } from "./anchors.js"
import { api, pagesOf } from "./pages.js"
import { writeReference } from "./reference.js"

const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, "../..")
const site = join(root, ".site")

const writePages = (pages: Readonly<Record<string, string>>): void => {
  for (const [path, text] of Object.entries(pages)) {
    const file = join(site, "pages", path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
}

const descriptionOf = (manifest: string): string => {
  // The manifest of this repository has a description.
  const { description } = JSON.parse(manifest) as { readonly description: string }
  return description
}

/** Builds the site. Returns the problems, which are sentences. */
const buildSite = async (): Promise<ReadonlyArray<string>> => {
  const repository = fromDisk(root)
  rmSync(join(site, "pages"), { recursive: true, force: true })
  const warnings = await writeReference(root, repository, join(site, "pages", api))
  if (warnings > 0) return [`TypeDoc printed ${warnings} warnings or errors. Fix the comments that they name.`]
  writePages(pagesOf(repository, descriptionOf(readFileSync(join(root, "package.json"), "utf8"))))
  await build(here)
  return deadAnchors(join(site, "dist"))
}

const main = async (args: ReadonlyArray<string>): Promise<number> => {
  const unknown = args.filter((arg) => arg !== "--build")
  if (unknown.length > 0) {
    console.error(`unknown argument ${unknown.join(" ")}. Use --build, or nothing.`)
    return 2
  }
  const problems = await buildSite()
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) return 1
  if (!args.includes("--build")) await serve({ root: here })
  return 0
}

process.exitCode = await main(process.argv.slice(2))
