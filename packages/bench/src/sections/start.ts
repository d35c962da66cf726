/** Import time before the first request, and bundle size. */
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { bundle, loadedModules, smallestClient, wholeClient, type Bundle } from "../Bundle.js"
import { median, round } from "../Numbers.js"
import { ours, publicModules } from "../Staging.js"
import type { Bench } from "./Bench.js"

/** Import of modules in a new process. */
interface Import {
  readonly name: string
  readonly millis: number
  /** The same with `effect` and `@effect/platform` already loaded. Only for modules that import those. */
  readonly millisWithoutPeers?: number
}

/** Import times and bundle sizes. */
export interface Start {
  readonly imports: ReadonlyArray<Import>
  readonly modulesOfApiClient: number
  /** The smallest useful client without peer dependencies. */
  readonly smallestClient: Bundle
  /** An `ApiClient` with a bearer token, without peer dependencies. */
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

/** Runs the section: about two minutes. */
export const run = async (bench: Bench): Promise<Start> => {
  bench.say("imports, each in a separate process")
  return {
    imports: await importTimes(bench),
    modulesOfApiClient: (await loadedModules(bench.staged, "@countersign/client/ApiClient")).length,
    smallestClient: await bundle(bench.staged, smallestClient),
    wholeClient: await bundle(bench.staged, wholeClient)
  }
}
