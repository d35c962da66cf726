/** The benchmark. `npm run bench -- --help` lists its options. */
import { readFileSync, writeFileSync } from "node:fs"
import { cpus } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { type Options, parse, type Section, usage } from "./Options.js"
import { draw } from "./Plot.js"
import type { Server } from "./programs/server.js"
import * as Remote from "./Remote.js"
import type { Report } from "./Report.js"
import type { Bench } from "./sections/Bench.js"
import * as Bodies from "./sections/bodies.js"
import * as Events from "./sections/events.js"
import * as Failure from "./sections/failure.js"
import * as Files from "./sections/files.js"
import * as Fleet from "./sections/fleet.js"
import * as FleetDelays from "./sections/fleetDelays.js"
import * as Growth from "./sections/growth.js"
import * as IdleStreams from "./sections/idleStreams.js"
import * as Pages from "./sections/pages.js"
import * as Policies from "./sections/policies.js"
import * as Schemes from "./sections/schemes.js"
import * as Sql from "./sections/sql.js"
import * as Start from "./sections/start.js"
import * as Storm from "./sections/storm.js"
import * as Throughput from "./sections/throughput.js"
import { stage } from "./Staging.js"
import { format } from "./Table.js"

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..")

const runs: Readonly<Record<Section, (bench: Bench) => Promise<Partial<Report>>>> = {
  throughput: async (bench) => ({ cases: await Throughput.run(bench) }),
  growth: async (bench) => ({ growth: await Growth.run(bench) }),
  policies: async (bench) => ({ policies: await Policies.run(bench) }),
  schemes: async (bench) => ({ schemes: await Schemes.run(bench) }),
  failure: async (bench) => ({ failure: await Failure.run(bench) }),
  bodies: async (bench) => ({ bodies: await Bodies.run(bench) }),
  files: async (bench) => ({ files: await Files.run(bench) }),
  events: async (bench) => ({ events: await Events.run(bench) }),
  idleStreams: async (bench) => ({ idleStreams: await IdleStreams.run(bench) }),
  pages: async (bench) => ({ pages: await Pages.run(bench) }),
  storm: async (bench) => ({ storm: await Storm.run(bench) }),
  start: async (bench) => ({ start: await Start.run(bench) }),
  fleet: async (bench) => ({ fleet: await Fleet.run(bench), fleetDelays: await FleetDelays.run(bench) }),
  sql: async (bench) => ({ sql: await Sql.run(bench) })
}

const measured = [
  "effect",
  "@effect/platform",
  "undici",
  "got",
  "ky",
  "axios",
  "axios-retry",
  "ofetch",
  "eventsource-parser",
  "ioredis",
  "rate-limiter-flexible"
]

const versionOf = (staged: string, name: string): string => {
  const manifest: unknown = JSON.parse(readFileSync(join(staged, "node_modules", name, "package.json"), "utf8"))
  return typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "?"
}

const about = (staged: string): Report => {
  const all = cpus()
  return {
    node: process.versions.node,
    cpus: `${all.length} × ${all[0]?.model.trim() ?? "unknown"}`,
    versions: Object.fromEntries(measured.map((name) => [name, versionOf(staged, name)]))
  }
}

const bench = async ({ only, quick }: Options): Promise<Report> => {
  const staged = await stage("bench", "bench")
  const server = Remote.start<Server>(staged, "server")
  try {
    const url = `http://127.0.0.1:${await server.call("listen")}`
    let report = about(staged)
    for (const section of only) {
      const say = (what: string): void => console.error(`» ${section}: ${what}`)
      report = { ...report, ...(await runs[section]({ staged, server, url, quick, say })) }
    }
    return report
  } finally {
    await server.stop()
  }
}

const main = async (options: Options): Promise<void> => {
  const report = await bench(options)
  console.log(options.json ? JSON.stringify(report, undefined, 2) : format(report))
  if (options.plot && report.cases !== undefined) {
    writeFileSync(
      join(root, "docs/reference/performance.svg"),
      draw(report.cases, `Node ${report.node}, ${report.cpus}`)
    )
  }
}

const options = parse(process.argv.slice(2))
if (typeof options === "string") {
  console.error(options)
  process.exitCode = options === usage ? 0 : 2
} else await main(options)
