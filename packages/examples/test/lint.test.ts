import { describe, expect, it } from "@effect/vitest"
import { ESLint } from "eslint"
import { readdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import tseslint from "typescript-eslint"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const options = { cwd: root, overrideConfigFile: `${root}.config/eslint.config.js` }
const typed = new ESLint(options)
/** Without the rules that need types, because the types of each package take seconds to load. */
const untyped = new ESLint({
  ...options,
  overrideConfig: [tseslint.configs.disableTypeChecked, { rules: { "countersign/no-floating-effects": "off" } }]
})

const src = "packages/client/src"
const test = "packages/examples/test"

/** Snippets for the rules that need types are in `src`. */
const linterOf = (folder: string): ESLint => (folder.startsWith(src) ? typed : untyped)

/** An existing file, because only those have type information. The test replaces its text in memory. */
const anyFile = (folder: string): string => {
  const files = readdirSync(root + folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"))
  const [name] = files.sort((a, b) => a.split("/").length - b.split("/").length)
  if (name === undefined) throw new Error(`There is no TypeScript in ${folder}`)
  return `${folder}/${name}`
}

/** `rule: message` of each problem of `code` in `folder`. */
const complaints = async (folder: string, code: string): Promise<ReadonlyArray<string>> => {
  const filePath = root + (folder.endsWith(".ts") ? folder : anyFile(folder))
  const [result] = await linterOf(folder).lintText(code, { filePath })
  return (result?.messages ?? []).map(({ message, ruleId }) => `${ruleId}: ${message}`)
}

const client = `import * as HttpClient from "@effect/platform/HttpClient"\n`
const request = `import * as HttpClientRequest from "@effect/platform/HttpClientRequest"\n`
const effect = `import * as Effect from "effect/Effect"\n`

const bans: ReadonlyArray<readonly [what: string, rule: string, code: string, folder?: string]> = [
  ["Date.now", "no-restricted-properties", "export const f = (): number => Date.now()"],
  [
    "Date.now by destructuring",
    "no-restricted-properties",
    "const { now } = Date\nexport const f = (): number => now()"
  ],
  ["new Date()", "no-restricted-syntax", "export const f = (): Date => new Date()"],
  ["Date()", "no-restricted-syntax", "export const f = (): string => Date()"],
  ["Math.random", "no-restricted-properties", "export const f = (): number => Math.random()"],
  ["Math.random in an example", "no-restricted-properties", "void Math.random()", "packages/examples/src"],
  ["the root of a package", "countersign/layers", `export * from "@countersign/protocol"`],
  ["effect's barrel", "no-restricted-imports", `import { Effect } from "effect"\nexport const a: unknown = Effect`],
  [
    "platform's barrel",
    "no-restricted-imports",
    `import { Url } from "@effect/platform"\nexport const a: unknown = Url`
  ],
  ["platform-node's barrel", "no-restricted-imports", `export * from "@effect/platform-node"`],
  [
    "values of undici under the name that Bun replaces",
    "@typescript-eslint/no-restricted-imports",
    `import { Agent } from "undici"\nexport const a: unknown = Agent`
  ],
  ["followRedirects", "countersign/platform-traps", `${client}export const a: unknown = HttpClient.followRedirects`],
  ["withCookiesRef", "countersign/platform-traps", `${client}export const a: unknown = HttpClient["withCookiesRef"]`],
  ["retryTransient", "countersign/platform-traps", `export { retryTransient } from "@effect/platform/HttpClient"`],
  ["basicAuth", "countersign/platform-traps", `${request}const { basicAuth } = HttpClientRequest\nvoid basicAuth`],
  ["prependUrl", "countersign/platform-traps", `${request}export const a: unknown = HttpClientRequest.prependUrl`],
  [
    "basicAuth under another name",
    "countersign/platform-traps",
    `import { basicAuth as a } from "@effect/platform/HttpClientRequest"\nvoid a`
  ],
  ["Effect.Service", "countersign/platform-traps", `${effect}export const a: unknown = Effect.Service`],
  [
    "Either in a public signature",
    "no-restricted-syntax",
    `import * as Either from "effect/Either"\nexport const f = (): Either.Either<1> => Either.right(1)`
  ],
  [
    "a module that Effect 4 does not have",
    "@typescript-eslint/no-restricted-imports",
    `import * as FiberRef from "effect/FiberRef"\nexport const a: unknown = FiberRef`
  ],
  [
    "an error of the platform's transports",
    "@typescript-eslint/no-restricted-imports",
    `import * as HttpClientError from "@effect/platform/HttpClientError"\nexport const a: unknown = HttpClientError`
  ],
  [
    "an error of the configuration",
    "@typescript-eslint/no-restricted-imports",
    `import * as ConfigError from "effect/ConfigError"\nexport const a: unknown = ConfigError`
  ],
  [
    "a service as an argument of Effect.flatMap, in an example",
    "no-restricted-syntax",
    `${effect}declare const Api: Effect.Effect<string>\nvoid Effect.flatMap(Api, Effect.succeed)`,
    "packages/examples/src"
  ],
  ["console", "no-console", `console.log("here")`],
  ["process.env", "no-restricted-properties", "export const a: unknown = process.env"],
  ["a cast without a reason", "countersign/reasoned-cast", "declare const a: unknown\nexport const b = a as string"],
  [
    "a cast under TSDoc alone",
    "countersign/reasoned-cast",
    "declare const a: unknown\n/** Text. */\nexport const b = a as string"
  ],
  ["a constant without a type", "countersign/explicit-export-type", "export const a = [1].map(String)"],
  ["a function without a type", "countersign/explicit-export-type", "export const f = (a: number) => a + 1"],
  ["a constant exported later", "countersign/explicit-export-type", "const a = [1].map(String)\nexport { a }"],
  ["any", "@typescript-eslint/no-explicit-any", "export const f = (a: any): unknown => a"],
  ["a non-null assertion", "@typescript-eslint/no-non-null-assertion", "export const f = (a?: number): number => a!"],
  [
    "a type imported as a value",
    "@typescript-eslint/consistent-type-imports",
    `${effect}export type A = Effect.Effect<1>`
  ],
  ["a floating promise", "@typescript-eslint/no-floating-promises", "Promise.resolve(1)"],
  ["a floating Effect", "countersign/no-floating-effects", `${effect}Effect.log("never")`],
  [
    "a directive without a reason",
    "countersign/reasoned-directive",
    "// eslint-disable-next-line no-console\nconsole.log(1)"
  ],
  ["a layer to the right", "countersign/layers", `import "@countersign/auth/Token"`],
  [
    "a layer to the right, in protocol",
    "countersign/layers",
    `export * from "@countersign/client/Errors"`,
    "packages/protocol/src"
  ],
  ["testing over node", "countersign/layers", `import "@countersign/node/NodeTransport"`, "packages/testing/src"],
  ["source over testing", "countersign/layers", `import "@countersign/testing/MockClient"`],
  ["another package's internals", "countersign/layers", `import "@countersign/protocol/internal/ascii"`],
  ["another package by path", "countersign/layers", `import "../../protocol/src/Origin.js"`],
  ["its own package by name", "countersign/layers", `import "@countersign/client/Errors"`],
  [
    "a test of another layer",
    "countersign/layers",
    `import "@countersign/node/NodeTransport"`,
    "packages/testing/test"
  ],
  ["a dependency of the workspace alone", "import-x/no-extraneous-dependencies", `import "vitest"`],
  ["it.only", "no-restricted-syntax", `import { it } from "@effect/vitest"\nit.only("a", () => {})`, test],
  ["it.effect.skip", "no-restricted-syntax", `import { it } from "@effect/vitest"\nvoid it.effect.skip`, test]
]

const fine: ReadonlyArray<readonly [what: string, code: string, folder?: string]> = [
  ["new Date(0)", "export const f = (): Date => new Date(0)"],
  ["a cast with its reason", "declare const a: unknown\n// The caller checked it.\nexport const b = a as string"],
  ["a cast with its reason behind it", "declare const a: unknown\nexport const b = a as string // checked above"],
  ["as const", "export const a = [1, 2] as const"],
  [
    "an option with the name of a forbidden function",
    "export const f = (o: { basicAuth: string }): string => o.basicAuth"
  ],
  ["a service", `import * as Context from "effect/Context"\nexport class A extends Context.Tag("a/A")<A, string>() {}`],
  ["a layer to the left", `export * from "@countersign/protocol/Origin"`],
  ["a reasoned directive", "// eslint-disable-next-line no-console -- the one line that a user sees\nconsole.log(1)"],
  [
    "a module that Effect 4 does not have, in a module for it",
    `import * as FiberRef from "effect/FiberRef"\nexport const a: unknown = FiberRef`,
    "packages/client/src/internal/runtime/fiber.ts"
  ],
  ["testing, in a test", `import "@countersign/testing/MockClient"`, "packages/client/test"],
  ["a fiber that runs in the background", `${effect}Effect.runFork(Effect.void)`],
  ["skipIf", `import { it } from "@effect/vitest"\nit.skipIf(true)("a", () => {})`, test]
]

/** Problems by snippet, for each folder. All snippets of a folder are in one file, because each file takes half a second. */
const linted = new Map<string, Promise<ReadonlyMap<string, ReadonlyArray<string>>>>()

const lintAll = async (folder: string): Promise<ReadonlyMap<string, ReadonlyArray<string>>> => {
  const codes = bans.filter(([, , , own = src]) => own === folder).map(([, , code]) => code)
  const ends: Array<number> = []
  for (const code of codes) ends.push((ends.at(-1) ?? 0) + code.split("\n").length)
  const [result] = await linterOf(folder).lintText(`${codes.join("\n")}\n`, { filePath: root + anyFile(folder) })
  return new Map(
    codes.map((code, n) => {
      const own = result?.messages.filter(({ line }) => line > (ends[n - 1] ?? 0) && line <= (ends[n] ?? 0)) ?? []
      return [code, own.map(({ message, ruleId }) => `${ruleId}: ${message}`)]
    })
  )
}

const complaintsAmong = async (folder: string, code: string): Promise<ReadonlyArray<string>> => {
  const all = linted.get(folder) ?? lintAll(folder)
  linted.set(folder, all)
  return (await all).get(code) ?? []
}

describe("eslint.config.js", () => {
  it.each(bans)("rejects %s with %s", async (_, rule, code, folder = src) => {
    const among = await complaintsAmong(folder, `${code}`)
    const isRefused = among.some((one) => one.startsWith(`${rule}: `))
    // Some names and imports have another meaning beside those of the other snippets.
    const found = isRefused ? among : await complaints(folder, `${code}\n`)
    expect(found).toContainEqual(expect.stringContaining(`${rule}: `))
  })

  it.each(fine)("accepts %s", async (_, code, folder = src) => {
    expect(await complaints(folder, `${code}\n`)).toEqual([])
  })

  it("rejects a circle of imports through `.js` names of `.ts` files", async () => {
    const code = `import * as Errors from "../../Errors.js"\nexport const a: unknown = Errors\n`
    expect(await complaints("packages/client/src/internal/errors/errorResponse.ts", code)).toContainEqual(
      expect.stringContaining("import-x/no-cycle: ")
    )
  })
})
