/** Command line options of `npm run bench`. */

/** The sections of the report, in order. */
const sections = [
  "throughput",
  "growth",
  "policies",
  "schemes",
  "failure",
  "bodies",
  "files",
  "events",
  "idleStreams",
  "pages",
  "storm",
  "start",
  "fleet",
  "sql"
] as const

/** A section of the report. */
export type Section = (typeof sections)[number]

/** A run of the benchmark. */
export interface Options {
  readonly only: ReadonlyArray<Section>
  readonly quick: boolean
  readonly json: boolean
  readonly plot: boolean
}

/** The sections of `--quick`. */
const quickly: ReadonlyArray<Section> = ["throughput", "policies", "start"]

/** The usage that `--help` prints. */
export const usage = `npm run bench -- [--only SECTION[,SECTION…]] [--quick] [--json] [--plot]

  --only   of ${sections.join(", ")}; all of them when left out
  --quick  less than half a minute, less precise: ${quickly.join(", ")} unless --only says more
  --json   one JSON object on standard output, instead of the tables
  --plot   also draws the throughput to docs/reference/performance.svg`

const isSection = (text: string): text is Section => sections.some((one) => one === text)

/** Parses the arguments. Returns an error message if they are invalid. */
export const parse = (args: ReadonlyArray<string>): Options | string => {
  let only: ReadonlyArray<Section> | undefined
  const flags = new Set<string>()
  const left = [...args]
  for (let arg = left.shift(); arg !== undefined; arg = left.shift()) {
    if (arg === "--only") {
      const wanted = (left.shift() ?? "").split(",")
      const known = wanted.filter(isSection)
      if (known.length < wanted.length) return `--only takes ${sections.join(", ")}`
      only = known
    } else if (["--quick", "--json", "--plot"].includes(arg)) flags.add(arg)
    else return arg === "--help" ? usage : `There is no ${arg}.\n\n${usage}`
  }
  const quick = flags.has("--quick")
  const plot = flags.has("--plot")
  const chosen = only ?? (quick ? quickly : sections)
  if (plot && !chosen.includes("throughput")) return "--plot draws the throughput, which --only leaves out"
  return { only: chosen, quick, json: flags.has("--json"), plot }
}
