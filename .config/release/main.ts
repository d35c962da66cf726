/**
 * Releases the packages. `npm run release` is a dry run: it builds, packs and checks the packages, prints what would be
 * published, and changes nothing. `npm run release -- --prepare` writes the next version and its section of the changelog.
 * `npm run release -- --publish` publishes. Only `--publish` connects to npm's registry.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { format } from "../docs/problem.js"
import { fromDisk } from "../docs/repository.js"
import * as versions from "../docs/versions.js"
import { attempt, root, run, tool } from "../packages/command.js"
import { checkTypes, lint, pack } from "../packages/packed.js"
import { prepare } from "./prepare.js"
import { argumentsOf, publish } from "./publish.js"
import * as readiness from "./readiness.js"
import { checkClean, readState } from "./state.js"
import * as tarball from "./tarball.js"

/** Throws if there are problems. */
const reject = (problems: ReadonlyArray<string>): void => {
  if (problems.length > 0) throw new Error(problems.map((problem) => `✗ ${problem}`).join("\n"))
}

/** Builds, packs and checks the packages. */
const makeTarballs = async (folder: string, version: string): Promise<ReadonlyArray<tarball.Tarball>> => {
  await run(tool("tsc"), ["--build", ".config/tsconfig.build.json"])
  console.log("✓ the packages compile")
  const packages = await pack(folder)
  const tarballs = await Promise.all(packages.map((one) => tarball.read(one.tarball)))
  reject(tarballs.flatMap((one, index) => tarball.check(one, `@countersign/${packages[index]?.name}`, version)))
  console.log("✓ the tarballs are complete and have this version")
  await lint(packages)
  console.log("✓ publint reports nothing")
  await checkTypes(packages)
  console.log("✓ attw reports nothing for ES modules")
  return tarballs
}

const showDryRun = (tarballs: ReadonlyArray<tarball.Tarball>, obstacles: ReadonlyArray<string>): void => {
  console.log("\nThis was a dry run. Nothing was published. With `--publish` these commands run in this order:")
  for (const one of tarballs) console.log(`npm ${argumentsOf(one).join(" ").replace(`${room}/`, "")}`)
  if (obstacles.length === 0) return
  console.log("\nIn this state of the repository `--publish` is rejected:")
  for (const obstacle of obstacles) console.log(`- ${obstacle}`)
}

const release = async (mustPublish: boolean): Promise<void> => {
  const repository = fromDisk(root)
  reject(versions.check(repository).map(format))
  const version = versions.versionOf(repository) ?? ""
  console.log(`✓ all packages have the version ${version}`)
  const obstacles = readiness.check(repository, version, await readState(root, process.env))
  if (mustPublish) reject(obstacles)
  const tarballs = await makeTarballs(room, version)
  console.log(`\n${tarball.table(tarballs)}`)
  if (!mustPublish) return showDryRun(tarballs, obstacles)
  await publish(tarballs, (args) => attempt("npm", args), console.log)
  console.log(`Tag the commit: git tag v${version}`)
}

const prepareRelease = async (): Promise<void> => {
  reject(checkClean(await readState(root, process.env)))
  const version = await prepare(root, new Date().toISOString().slice(0, 10))
  console.log(`This is version ${version} now. Review the changes, and commit them.`)
}

const room = mkdtempSync(join(tmpdir(), "countersign-release-"))
try {
  const [mode, ...more] = process.argv.slice(2)
  if (more.length > 0 || (mode !== undefined && mode !== "--prepare" && mode !== "--publish")) {
    throw new Error("Usage: npm run release [-- --prepare | -- --publish]. Without an option it is a dry run.")
  }
  await (mode === "--prepare" ? prepareRelease() : release(mode === "--publish"))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  rmSync(room, { recursive: true, force: true })
}
