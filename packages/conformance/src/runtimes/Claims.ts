/** The table of the README that says which package runs where. */
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

/** The columns of the table. */
export type Environment = "Node 20, 22, 24" | "Bun" | "Deno" | "Workers" | "browsers"

/** The packages of each environment, such as `client`. */
type Claims = Readonly<Record<Environment, ReadonlyArray<string>>>

const cellsOf = (line: string): ReadonlyArray<string> =>
  line
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim())

/** Reads the table below the marker `<!-- runtimes -->`. */
export const parse = (readme: string): Claims => {
  const [, below = ""] = readme.split("<!-- runtimes -->")
  const [head = [], , ...rows] = below
    .split("\n")
    .filter(
      (line, at, lines) => line.startsWith("|") && lines.slice(1, at).every((one) => one === "" || one[0] === "|")
    )
    .map(cellsOf)
  const packagesOf = (environment: Environment): ReadonlyArray<string> => {
    const column = head.indexOf(environment)
    if (column < 0) throw new Error(`the table of runtimes in README.md has no column "${environment}"`)
    return rows.filter((row) => row[column] === "yes").map(([name = ""]) => name.replaceAll("`", ""))
  }
  return {
    "Node 20, 22, 24": packagesOf("Node 20, 22, 24"),
    Bun: packagesOf("Bun"),
    Deno: packagesOf("Deno"),
    Workers: packagesOf("Workers"),
    browsers: packagesOf("browsers")
  }
}

/** The table of this repository. */
export const read = (): Claims =>
  parse(readFileSync(fileURLToPath(new URL("../../../../README.md", import.meta.url)), "utf8"))
