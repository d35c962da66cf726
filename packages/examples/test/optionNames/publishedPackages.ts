/** The packages of the workspace that are published. */
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

const folder = fileURLToPath(new URL("../../../", import.meta.url))

const isPublished = (name: string): boolean => {
  // The manifest of a package of this workspace.
  const manifest = JSON.parse(readFileSync(`${folder}${name}/package.json`, "utf8")) as Readonly<
    Record<string, unknown>
  >
  return manifest["publishConfig"] !== undefined
}

/** The folders of the packages, such as `client`. */
export const publishedPackages: ReadonlyArray<string> = readdirSync(folder).filter(isPublished)
