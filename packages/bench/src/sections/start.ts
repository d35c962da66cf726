/** What a program waits for before its first request, and what a bundle grows by. */
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { bundle, loadedModules, smallestClient, wholeClient, type Bundle } from "../Bundle.js"
import { median, round } from "../Numbers.js"
import { ours, publicModules } from "../Staging.js"
import type { Bench } from "./Bench.js"

/** The import of some modules in a process that has just begun. */
interface Import {
  readonly name: string
  readonly millis: number
  /** The same where all of `effect` and `@effect/platform` is there already; only for what imports those. */
  readonly millisWithoutPeers?: number
}

/** Times and sizes. */
export interface Start {
  readonly imports: ReadonlyArray<Import>
  readonly modulesOfApiClient: number
  /** The smallest useful client without its peers, in bytes. */
  readonly smallestClient: Bundle
  /** An `ApiClient` with a bearer, likewise. */
  readonly wholeClient: Bundle
}

const peers = ["effect", "@effect/platform"]

const runFile = promisify(execFile)

const importTime = async (staged: string, modules: ReadonlyArray<string>, before: ReadonlyArray<string>) => {
  const code = `
    for (const module of ${JSON.stringify(before)}) await import(module)
    const begun = performance.now()
    for (const module of ${JSON.stringify(modules)}) await import(module)
    console.log(performance.now() - begun)
    process.exit()`
  const { stdout } = await runFile(process.execPath, ["--input-type=module", "--eval", code], { cwd: staged })
  return Number(stdout)
}

const subjects = (): ReadonlyArray<{ name: string; modules: ReadonlyArray<string>; usesPeers: boolean }> => [
  {
    name: "ApiClient and Bearer",
    modules: ["@countersign/client/ApiClient", "@countersign/auth/Bearer"],
    usesPeers: true
  },
  ...ours.map((name) => ({
    name: `@countersign/${name}`,
    modules: publicModules(name),
    usesPeers: name !== "protocol"
  })),
  ...["undici", "got", "ky", "axios", "ofetch"].map((name) => ({ name, modules: [name], usesPeers: false }))
]

const importTimes = async ({ quick, staged }: Bench): Promise<ReadonlyArray<Import>> => {
  const rounds = quick ? 1 : 9
  const measured = subjects().map((subject) => ({ ...subject, whole: new Array<number>(), alone: new Array<number>() }))
  for (let number = 0; number < rounds; number++) {
    for (const { alone, modules, usesPeers, whole } of measured) {
      whole.push(await importTime(staged, modules, []))
      if (usesPeers) alone.push(await importTime(staged, modules, peers))
    }
  }
  return measured.map(({ alone, name, usesPeers, whole }) => ({
    name,
    millis: round(median(whole), 1),
    ...(usesPeers ? { millisWithoutPeers: round(median(alone), 1) } : {})
  }))
}

/** Runs it: about two minutes. */
export const run = async (bench: Bench): Promise<Start> => {
  bench.say("imports, each in a process of its own")
  return {
    imports: await importTimes(bench),
    modulesOfApiClient: (await loadedModules(bench.staged, "@countersign/client/ApiClient")).length,
    smallestClient: await bundle(bench.staged, smallestClient),
    wholeClient: await bundle(bench.staged, wholeClient)
  }
}
