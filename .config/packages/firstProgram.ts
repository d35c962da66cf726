/** What a new user does: the commands and the first program of the README in an empty folder, as ES module and CommonJS. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { parse, type Fence } from "../docs/markdown.js"
import { root, run, tool } from "./command.js"
import type { Packed } from "./packed.js"

const publicApi = "https://httpbin.org"

/** The parts of the README that a new user copies. */
interface Readme {
  readonly commands: ReadonlyArray<string>
  readonly program: string
  readonly output: string
}

const fenceWhere = (fences: ReadonlyArray<Fence>, what: string, isWanted: (fence: Fence) => boolean): string => {
  const found = fences.find(isWanted)
  if (found === undefined) throw new Error(`README.md has no ${what}`)
  return found.lines.join("\n")
}

const readReadme = (): Readme => {
  const { fences } = parse(readFileSync(join(root, "README.md"), "utf8"))
  const install = fenceWhere(fences, "install commands", ({ info, lines }) => {
    return info === "sh" && lines.some((line) => line.startsWith("npm install "))
  })
  return {
    commands: install.split("\n").map((line) => line.replace(/\s+#.*$/, "")),
    program: fenceWhere(fences, "first program", ({ above }) => above.includes("first-call.ts#program")),
    output: fenceWhere(fences, "output of the first program", ({ above }) => above.includes("output: first-call.ts"))
  }
}

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

/** Answers like the public API for the first program. */
const startApi = async (): Promise<{ readonly url: string; readonly close: () => void }> => {
  const server = createServer(({ headers, url }, response) => {
    const isAllowed = url === "/bearer" && headers.authorization === "Bearer anything"
    response.writeHead(isAllowed ? 200 : 401, { "content-type": "application/json" })
    response.end(JSON.stringify({ authenticated: isAllowed }))
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
const forms: ReadonlyArray<readonly [file: string, change: (program: string) => string]> = [
  ["first-call.mts", (program) => program],
  ["first-call.cts", (program) => program.replace("await Effect.runPromise", "void Effect.runPromise")]
]

/** Compiles and runs the first program of the README, which must print what the README shows, and no warning. */
export const checkFirstProgram = async (packages: ReadonlyArray<Packed>, room: string): Promise<void> => {
  const folder = join(room, "firstProgram")
  const readme = readReadme()
  const needed = packages.filter(({ name }) => ["protocol", "client", "auth", "node"].includes(name))
  await install(
    folder,
    readme.commands.map((command) => withTarballs(command, needed))
  )

  const api = await startApi()
  const program = readme.program.replace(publicApi, api.url)
  for (const [file, change] of forms) writeFileSync(join(folder, file), change(program))
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: forms.map(([file]) => file) }))
  await run(tool("tsc"), ["--project", folder])
  try {
    for (const [file] of forms) await checkOutput(folder, file.replace("ts", "js"), readme.output)
  } finally {
    api.close()
  }
}

const checkOutput = async (folder: string, file: string, expected: string): Promise<void> => {
  const script = `${file} 2>&1`
  const output = await run("sh", ["-c", `node ${script}`], { cwd: folder, env: { API_TOKEN: "anything" } })
  if (output.trimEnd() !== expected) throw new Error(`${file} printed:\n${output}\nREADME.md shows:\n${expected}`)
}
