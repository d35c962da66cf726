// The published packages: packed, installed with their peer dependencies, and imported by plain Node.
import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const published = ["protocol", "client", "auth", "node", "redis", "sql", "testing"]
const peers = ["effect", "@effect/platform", "@effect/sql", "ioredis"]

const manifest = (path: string): Record<string, string> => JSON.parse(readFileSync(join(path, "package.json"), "utf8"))

/** The output of a command. If the command fails, the error has the output. */
const run = (cwd: string, command: string, ...args: ReadonlyArray<string>): Promise<string> =>
  new Promise((resolve, reject) => {
    execFile(command, args, { cwd, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`${command} ${args.join(" ")}\n${stdout}${stderr}`, { cause: error }))
    })
  })

const tsc = join(root, "node_modules/typescript/bin/tsc")

/** The files under a folder, with `/`. */
const files = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).map((file) => file.replaceAll("\\", "/"))

const pack = async (folder: string): Promise<ReadonlyArray<string>> => {
  await run(root, "npm", "run", "pack", "--", folder)
  return files(folder).map((file) => join(folder, file))
}

/** The folder of a dependency of the workspace or of one of its published packages. */
const folderOf = (name: string): string => {
  const places = [root, ...published.map((one) => join(root, "packages", one))]
  const found = places.map((place) => join(place, "node_modules", name)).find((folder) => existsSync(folder))
  if (found === undefined) throw new Error(`${name} is not installed`)
  return found
}

/** The versions of the peer dependencies in this workspace. */
const pinned = (): ReadonlyArray<string> => peers.map((name) => `${name}@${manifest(folderOf(name))["version"]}`)

const quiet = [
  "--prefer-offline",
  "--no-audit",
  "--no-fund",
  "--no-package-lock",
  "--ignore-scripts",
  "--loglevel=error"
]

const modules = published.flatMap((name) =>
  readdirSync(join(root, "packages", name, "src"))
    .filter((file) => file.endsWith(".ts"))
    .map((file) =>
      file === "index.ts" ? `@countersign/${name}` : `@countersign/${name}/${file.slice(0, -".ts".length)}`
    )
)

const internals = published.flatMap((name) =>
  files(join(root, "packages", name, "src"))
    .filter((file) => /^internal\/.*\.ts$/.test(file))
    .map((file) => `@countersign/${name}/${file.slice(0, -".ts".length)}`)
)

describe("packed packages", () => {
  let room = ""
  let app = ""

  beforeAll(async () => {
    room = mkdtempSync(join(tmpdir(), "countersign-packed-"))
    app = join(room, "app")
    const tarballs = await pack(join(room, "tarballs"))
    expect(tarballs).toHaveLength(published.length)
    mkdirSync(app)
    writeFileSync(join(app, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }))
    await run(app, "npm", "install", `--prefix=${app}`, ...quiet, ...tarballs, ...pinned())
  }, 240_000)

  afterAll(() => rmSync(room, { recursive: true, force: true }))

  it("import each public module in plain Node, which exports values or only types", async () => {
    const code = `const names = ${JSON.stringify(modules)}
      const found = await Promise.all(names.map(async (name) => [name, Object.keys(await import(name)).length]))
      console.log(JSON.stringify(Object.fromEntries(found)))`
    const found: Record<string, number> = JSON.parse(
      await run(app, process.execPath, "--input-type=module", "--eval", code)
    )
    expect(Object.keys(found)).toEqual(modules)
    expect(found["@countersign/client/ApiClient"]).toBeGreaterThan(0)
  })

  it("run in a CommonJS program, with the CommonJS build of Effect", async () => {
    const code = `const { Effect, Layer } = require("effect")
      const ApiClient = require("@countersign/client/ApiClient")
      const { Auth } = require("@countersign/client")
      const MockClient = require("@countersign/testing/MockClient")
      class Api extends ApiClient.Tag("app/Api")() {}
      const live = Api.layer({ baseUrl: "https://api.test", auth: Auth.none })
      const answers = [MockClient.respond(503), MockClient.respond(200, "ok"), MockClient.respond(404)]
      const program = Effect.gen(function* () {
        const api = yield* Api
        const text = yield* (yield* api.get("/a")).text
        const error = yield* Effect.flip(api.get("/b"))
        return [text, error._tag]
      })
      Effect.runPromise(Effect.provide(program, Layer.provide(live, MockClient.layer(answers)))).then((found) =>
        console.log(JSON.stringify(found))
      )`
    const found = await run(app, process.execPath, "--no-warnings", "--input-type=commonjs", "--eval", code)
    expect(JSON.parse(found)).toEqual(["ok", "ClientError"])
  })

  it("reject imports of internal modules", async () => {
    const code = `const names = ${JSON.stringify(internals)}
      const codes = await Promise.all(names.map((name) => import(name).then(() => "open", (error) => error.code)))
      console.log(JSON.stringify(codes))`
    const codes: ReadonlyArray<string> = JSON.parse(
      await run(app, process.execPath, "--input-type=module", "--eval", code)
    )
    expect(codes.length).toBeGreaterThan(0)
    expect(new Set(codes)).toEqual(new Set(["ERR_PACKAGE_PATH_NOT_EXPORTED"]))
  })

  const importsOf = (names: ReadonlyArray<string>): ReadonlyArray<string> => [
    ...names.map((name, index) => `import * as m${index} from "${name}"`),
    `export const all: ReadonlyArray<object> = [${names.map((_, index) => `m${index}`).join(", ")}]`
  ]

  /** The errors of a program that is compiled strictly and with library checks, as `file: message`. */
  const compilerErrors = async (
    lines: ReadonlyArray<string>,
    lib: ReadonlyArray<string>,
    types: ReadonlyArray<string> = ["node"]
  ): Promise<ReadonlyArray<string>> => {
    writeFileSync(join(app, "app.ts"), lines.join("\n"))
    const compilerOptions = {
      module: "NodeNext",
      target: "ES2022",
      lib,
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
      types,
      typeRoots: [join(root, "node_modules/@types")]
    }
    writeFileSync(join(app, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["app.ts"] }))
    const compiled = run(app, process.execPath, tsc, "--project", app, "--pretty", "false")
    const output = await compiled.catch((error: Error) => error.message)
    return output.split("\n").flatMap((line) => {
      const [found, file = "compiler", message] =
        /^(?:(?:node_modules\/)?(.+?)\(\d+,\d+\): )?error \w+: (.*)$/.exec(line) ?? []
      return found === undefined ? [] : [`${file}: ${message}`]
    })
  }

  it("compile in a strict program with library checks", async () => {
    const typed = `export const delay: number | undefined = m${modules.indexOf("@countersign/protocol/HttpDate")}.parse("")`
    const changed = typed.replace("delay", "wrong").replace(`""`, "1")
    // If the types were missing, everything would be `any`, and this would compile.
    const wrong = `// @ts-expect-error parse takes a text\n${changed}`
    const program = [...importsOf(modules), typed, wrong]
    expect(await compilerErrors(program, ["ES2022", "DOM", "DOM.Iterable"])).toEqual([])
    // The check itself finds an error.
    expect(await compilerErrors([changed], ["ES2022"])).not.toEqual([])
  })

  it("compile without the DOM library, with the types of Node", async () => {
    // The platform needs the DOM library for this type. Our declarations do not.
    const storage = "@effect/platform/dist/dts/KeyValueStore.d.ts: Cannot find name 'Storage'."
    expect(await compilerErrors(importsOf(modules), ["ES2022"])).toEqual([storage])
  })

  it("compile protocol without the DOM library and without the types of Node", async () => {
    const names = modules.filter((name) => /^@countersign\/protocol(?:\/|$)/.test(name))
    expect(names.length).toBeGreaterThan(10)
    expect(await compilerErrors(importsOf(names), ["ES2022"], [])).toEqual([])
  })

  it("contain code, sources, README and licence, and no tests or build files", () => {
    for (const name of published) {
      const found = files(join(app, "node_modules/@countersign", name))
      expect(found).toEqual(expect.arrayContaining(["package.json", "LICENSE", "README.md", "dist", "src"]))
      expect(
        found.filter((file) => /(?:^|\/)\.test(?:\/|$)|\.test\.|\.tsbuildinfo$|(?:^|\/)test\//.test(file))
      ).toEqual([])
    }
  })

  it("have manifests without workspace references, sources and scripts", () => {
    for (const name of published) {
      const text = readFileSync(join(app, "node_modules/@countersign", name, "package.json"), "utf8")
      expect(text).not.toMatch(/workspace:|\.\/src\/|"scripts"/)
    }
  })
})
