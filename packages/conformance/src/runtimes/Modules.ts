/** The public modules of the packages that the README claims for an environment. */
import { readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Environment } from "./Claims.js"
import * as Claims from "./Claims.js"

const packages = fileURLToPath(new URL("../../..", import.meta.url))

/** Folders of public modules within a package. */
const folders = ["", "providers"]

const modulesOf = (name: string): ReadonlyArray<string> =>
  readdirSync(join(packages, name, "src"), { recursive: true, encoding: "utf8" }).flatMap((file) => {
    const [folder = "", module = ""] = file.includes("/") ? file.split(/\/(?=[^/]*$)/) : ["", file]
    if (!folders.includes(folder) || !module.endsWith(".ts")) return []
    const path = file.slice(0, -".ts".length)
    return [path === "index" ? `@countersign/${name}` : `@countersign/${name}/${path}`]
  })

/** All modules that must load in an environment. */
export const claimed = (environment: Environment): ReadonlyArray<string> =>
  Claims.read()[environment].flatMap(modulesOf)

/** Writes a module that imports them, and exports their number. */
export const writeImports = (app: string, environment: Environment, more = ""): string => {
  const modules = claimed(environment)
  const imports = modules.map((module, at) => `import * as module${at} from ${JSON.stringify(module)}`)
  const count = `const count = [${modules.map((_, at) => `module${at}`).join()}].length`
  const name = `imports-${environment.replace(/[^a-z0-9]+/gi, "-")}.js`
  writeFileSync(join(app, name), [...imports, count, more].join("\n"))
  return name
}
