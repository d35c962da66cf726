/** What a new user does: the commands of the README in an empty folder, and the programs of READMEs, as ES module and CommonJS. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { parse, type Fence } from "../docs/markdown.js"
import { root, run, tool } from "./command.js"
import type { Packed } from "./packed.js"

const publicApi = "https://httpbin.org"

/** The programs of READMEs that need no account: the second one imports from the root of a package. */
const programs = [
  ["README.md", "first-call"],
  ["packages/client/README.md", "readme-client"],
  ["packages/protocol/README.md", "readme-protocol"]
] as const

/** A program that a new user copies. */
interface Program {
  readonly name: string
  readonly text: string
  readonly output: string
}

const fenceWhere = (fences: ReadonlyArray<Fence>, what: string, isWanted: (fence: Fence) => boolean): string => {
  const found = fences.find(isWanted)
  if (found === undefined) throw new Error(`a README has no ${what}`)
  return found.lines.join("\n")
}

const fencesOf = (file: string): ReadonlyArray<Fence> => parse(readFileSync(join(root, file), "utf8")).fences

const readCommands = (): ReadonlyArray<string> => {
  const install = fenceWhere(fencesOf("README.md"), "install commands", ({ info, lines }) => {
    return info === "sh" && lines.some((line) => line.startsWith("npm install "))
  })
  return install.split("\n").map((line) => line.replace(/\s+#.*$/, ""))
}

const readProgram = (file: string, name: string): Program => ({
  name,
  text: fenceWhere(fencesOf(file), `program ${name}`, ({ above }) => above.includes(`${name}.ts#program`)),
  output: fenceWhere(fencesOf(file), `output of ${name}`, ({ above }) => above.includes(`output: ${name}.ts`))
})

const quiet = "--prefer-offline --no-audit --no-fund --ignore-scripts --loglevel=error"

/** The install command with tarballs: the packages are not on the registry, and neither are their own dependencies. */
const withTarballs = (command: string, packages: ReadonlyArray<Packed>): string => {
  if (!command.startsWith("npm install ")) return command
  const peers = command.split(" ").filter((word) => word.includes("@") && !word.startsWith("@countersign/"))
  return ["npm install", quiet, ...packages.map(({ tarball }) => tarball), ...peers].join(" ")
}

/** Makes a new folder and runs the commands of the README in it. */
const install = async (folder: string, commands: ReadonlyArray<string>): Promise<void> => {
  mkdirSync(folder)
  for (const command of commands) await run("sh", ["-c", command], { cwd: folder })
}

/** Answers the requests of the programs like the public API. */
const startApi = async (): Promise<{ readonly url: string; readonly close: () => void }> => {
  const server = createServer(({ headers, url }, response) => {
    const isAllowed = url === "/bearer" && headers.authorization === "Bearer anything"
    const { searchParams } = new URL(url ?? "/", publicApi)
    response.writeHead(isAllowed || url?.startsWith("/get") === true ? 200 : 401, {
      "content-type": "application/json"
    })
    response.end(JSON.stringify({ authenticated: isAllowed, args: Object.fromEntries(searchParams) }))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  // A server that listens at a TCP port has an address with a port.
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() }
}

const compilerOptions = {
  module: "NodeNext",
  target: "ES2022",
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  types: ["node"],
  typeRoots: [join(root, "node_modules/@types")]
}

/** A CommonJS module has no `await` at its top level. */
const forms: ReadonlyArray<readonly [ending: string, change: (program: string) => string]> = [
  ["mts", (program) => program],
  ["cts", (program) => program.replace("await Effect.runPromise", "void Effect.runPromise")]
]

/** Writes each program in each form, and compiles them strictly with library checks. */
const compile = async (folder: string, all: ReadonlyArray<Program>, url: string): Promise<void> => {
  const files = all.flatMap(({ name, text }) =>
    forms.map(([ending, change]) => {
      writeFileSync(join(folder, `${name}.${ending}`), change(text.replace(publicApi, url)))
      return `${name}.${ending}`
    })
  )
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }))
  await run(tool("tsc"), ["--project", folder])
}

/** Compiles and runs programs of READMEs. They must print what the README shows, and no warning. */
export const checkFirstProgram = async (packages: ReadonlyArray<Packed>, room: string): Promise<void> => {
  const folder = join(room, "firstProgram")
  const all = programs.map(([file, name]) => readProgram(file, name))
  const needed = packages.filter(({ name }) => ["protocol", "client", "auth", "node"].includes(name))
  const commands = readCommands().map((command) => withTarballs(command, needed))
  await install(folder, commands)

  const api = await startApi()
  try {
    await compile(folder, all, api.url)
    for (const program of all) for (const [ending] of forms) await checkOutput(folder, program, ending)
  } finally {
    api.close()
  }
}

const checkOutput = async (folder: string, { name, output }: Program, ending: string): Promise<void> => {
  const file = `${name}.${ending.replace("ts", "js")}`
  const settings = { cwd: folder, env: { API_TOKEN: "anything" } }
  const printed = await run("sh", ["-c", `node ${file} 2>&1`], settings)
  if (printed.trimEnd() !== output) throw new Error(`${file} printed:\n${printed}\nIts README shows:\n${output}`)
}
