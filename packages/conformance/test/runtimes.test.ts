/** The table of runtimes. The runtimes themselves run by `npm run conformance -- runtimes`. */
import { describe, expect, it } from "@effect/vitest"
import { readFileSync, readdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { runtimes } from "../src/cases/runtimes.js"
import * as Claims from "../src/runtimes/Claims.js"
import * as Modules from "../src/runtimes/Modules.js"

const packages = fileURLToPath(new URL("../..", import.meta.url))

const published = readdirSync(packages).filter((name) => {
  // Each manifest of this repository is an object.
  const manifest = JSON.parse(readFileSync(`${packages}/${name}/package.json`, "utf8")) as {
    readonly private?: boolean
  }
  return manifest.private !== true
})

const table = `
<!-- runtimes -->

| package    | Node 20, 22, 24 | Bun | Deno | Workers | browsers |
| ---------- | --------------- | --- | ---- | ------- | -------- |
| \`protocol\` | yes             | yes | –    | yes     | no       |
| \`node\`     | yes             | –   | yes  | –       | –        |

Text.

| \`other\`    | yes             | yes | yes  | yes     | yes      |
`

describe("Claims", () => {
  it("reads the packages of each environment", () => {
    expect(Claims.parse(table)).toEqual({
      "Node 20, 22, 24": ["protocol", "node"],
      Bun: ["protocol"],
      Deno: ["node"],
      Workers: ["protocol"],
      browsers: []
    })
  })

  it("rejects a README without the table, or without a column", () => {
    expect(() => Claims.parse("# Countersign")).toThrow("has no column")
    expect(() => Claims.parse(table.replace("Deno", "Denoo"))).toThrow('has no column "Deno"')
  })

  it("lists every published package in the README", () => {
    expect([...Claims.read()["Node 20, 22, 24"]].sort()).toEqual([...published].sort())
  })
})

describe("Modules", () => {
  it("finds the public modules of the claimed packages, and no internal ones", () => {
    const modules = Modules.claimed("Workers")
    expect(modules).toEqual(expect.arrayContaining(["@countersign/client", "@countersign/client/ApiClient"]))
    expect(modules).toContain("@countersign/auth/providers/GitHub")
    expect(modules.filter((module) => module.includes("internal") || module.startsWith("@countersign/node"))).toEqual(
      []
    )
  })
})

describe("runtimes", () => {
  it("has a documented case for each name", () => {
    const page = readFileSync(new URL("../../../docs/reference/conformance.md", import.meta.url), "utf8")
    const names = runtimes.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([])
  })
})
