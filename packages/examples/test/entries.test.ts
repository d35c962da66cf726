/** The entry files that `npm run pack` adds. `npm run packages` verifies the messages with Effect 4. */
import { afterEach, beforeEach, describe, expect, it } from "@effect/vitest"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { addEntries, folderOf } from "../../../.config/packages/entries.js"

describe("addEntries", () => {
  let room = ""
  beforeEach(() => void (room = mkdtempSync(join(tmpdir(), "countersign-entries-"))))
  afterEach(() => rmSync(room, { recursive: true }))

  const write = (peerDependencies: Readonly<Record<string, string>>) => {
    const exports = { ".": "./old.js", "./internal/*": null, "./*": "./old/*.js" }
    writeFileSync(join(room, "package.json"), JSON.stringify({ version: "1.0.0", exports, peerDependencies }))
  }
  const read = (file: string) => readFileSync(join(room, file), "utf8")
  const folder = "dist/needs-effect-3.22.4/run-npm-install-effect@3-@effect/platform@0.97"

  it("writes a file for each module, in a folder with the install command as its name", () => {
    write({ effect: "^3.22.4", "@effect/platform": "^0.97.2" })
    addEntries(room, ["ApiClient", "providers/GitHub"])
    const first = `import "effect/Either"\n`
    expect(read(`${folder}/index.js`)).toBe(`${first}export * from "../../../index.js"\n`)
    expect(read(`${folder}/ApiClient.js`)).toBe(`${first}export * from "../../../ApiClient.js"\n`)
    expect(read(`${folder}/providers/GitHub.js`)).toBe(`${first}export * from "../../../../providers/GitHub.js"\n`)
  })

  it("exports these files, keeps the declarations and the other members", () => {
    write({ effect: "^3.22.4", "@effect/platform": "^0.97.2" })
    addEntries(room, ["ApiClient"])
    expect(JSON.parse(read("package.json"))).toMatchObject({
      version: "1.0.0",
      exports: {
        ".": { types: "./dist/index.d.ts", default: `./${folder}/index.js` },
        "./internal/*": null,
        "./*": { types: "./dist/*.d.ts", default: `./${folder}/*.js` }
      }
    })
  })

  it("leaves a package without Effect as it is", () => {
    write({})
    const before = read("package.json")
    addEntries(room, ["HttpDate"])
    expect(read("package.json")).toBe(before)
    expect(existsSync(join(room, "dist"))).toBe(false)
  })

  it.each([
    ["^3.22.4", "^0.97.2", folder],
    ["^4.1.0", "^1.2.3", "dist/needs-effect-4.1.0/run-npm-install-effect@4-@effect/platform@1"]
  ])("names the lines of the ranges %s and %s", (effect, platform, expected) => {
    expect(folderOf({ exports: {}, peerDependencies: { effect, "@effect/platform": platform } })).toBe(expected)
  })
})
