/** The table of schemes in the README: each row names its tests against implementations of other authors. */
import { describe, expect, it } from "@effect/vitest"
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../../..", import.meta.url))

const documentPath = "docs/reference/conformance.md"

/** The cells of the first table below a heading. */
const rowsOf = (path: string, heading: string): ReadonlyArray<ReadonlyArray<string>> => {
  const text = readFileSync(join(root, path), "utf8")
  const [, section = ""] = text.split(`\n## ${heading}\n`)
  const lines = section.split("\n")
  const start = lines.findIndex((line) => line.startsWith("|"))
  const table = lines.slice(start)
  const end = table.findIndex((line) => !line.startsWith("|"))
  // Without the heads of the columns and the line below them.
  return table.slice(2, end === -1 ? undefined : end).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim())
  )
}

const readme = rowsOf("README.md", "Schemes").map(([scheme = "", , , peers = ""]) => ({ scheme, peers }))

const documented = rowsOf(documentPath, "Schemes").map(([scheme = "", peers = "", tests = ""]) => ({
  scheme,
  peers,
  files: [...tests.matchAll(/\]\(([^)#]+)\)/g)].map(([, link = ""]) => join(root, dirname(documentPath), link))
}))

/** Names of programs and packages, such as `apache2` and `@smithy/signature-v4`. */
const namesIn = (peers: string): ReadonlyArray<string> =>
  peers.split(/[;,]/).flatMap((part) => /^(?:@?[\w.-]+(?:\/[\w.-]+)?)(?= for |$)/.exec(part.trim()) ?? [])

describe("the schemes of the README", () => {
  it("stand on the conformance page too, with the same peers", () => {
    expect(readme.length).toBeGreaterThan(10)
    expect(documented.map(({ peers, scheme }) => ({ scheme, peers }))).toEqual(readme)
  })

  it.each(documented)("names tests that exist and mention the peers: $scheme", ({ files, peers }) => {
    expect(files.filter((file) => file.endsWith(".test.ts"))).not.toEqual([])
    expect(files.filter((file) => !existsSync(file))).toEqual([])
    const text = files.map((file) => readFileSync(file, "utf8")).join("\n")
    expect(namesIn(peers).filter((name) => !text.includes(name))).toEqual([])
  })
})
