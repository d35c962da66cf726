/** The report as text tables. */
import type { Bundle } from "./Bundle.js"
import { grouped } from "./Numbers.js"
import type { Report } from "./Report.js"
import { connections } from "./sections/growth.js"
import type { Comparison } from "./Turns.js"

/** Pads columns to their widest cell. The first column is aligned left, numbers are aligned right. */
const table = (title: string, head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = head.map((cell, column) => Math.max(cell.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: ReadonlyArray<string>): string =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ")
      .trimEnd()
  return [title, "", line(head), line(widths.map((width) => "─".repeat(width))), ...rows.map(line), ""].join("\n")
}

/** From this share of the server's processor time on, the server limits a case. */
const busy = 0.9

const cases = ({ cases: rows = [] }: Report): string =>
  table(
    "Calls of 400 bytes of JSON, 50 in flight",
    ["case", "requests/s", "CPU µs", "ratio", "least", "most", "server"],
    rows.map(({ cpuMicros, name, ratio, requestsPerSecond, serverShare, spread: [least, most] }) => [
      name,
      grouped(requestsPerSecond),
      cpuMicros.toFixed(1),
      ratio.toFixed(2),
      least.toFixed(2),
      most.toFixed(2),
      `${Math.round(serverShare * 100)} %${serverShare >= busy ? " !" : "  "}`
    ])
  ) + (rows.some(({ serverShare }) => serverShare >= busy) ? "! the server was the limit, not the client\n" : "")

const growth = ({ growth: rows = [] }: Report): string =>
  table(
    `Calls in flight, over ${connections} connections`,
    ["case", "in flight", "requests/s", "p50 ms", "p99 ms", "bytes a call"],
    rows.map((row) => [
      row.name,
      grouped(row.inFlight),
      grouped(row.requestsPerSecond),
      row.p50Millis.toFixed(2),
      row.p99Millis.toFixed(2),
      row.bytesInFlight === null ? "–" : grouped(row.bytesInFlight)
    ])
  )

const policies = ({ policies: rows = [] }: Report): string =>
  table(
    "What each policy adds to a call",
    ["policy", "CPU µs"],
    rows.map(({ micros, name }) => [name, micros.toFixed(2)])
  )

const schemes = ({ schemes: rows = [] }: Report): string =>
  table(
    "What each authentication scheme adds to a request",
    ["scheme", "CPU µs", "CPU µs with a body of 64 KiB"],
    rows.map(({ micros, name, uploadMicros }) => [name, micros.toFixed(2), uploadMicros.toFixed(2)])
  )

const failure = ({ failure: rows = [] }: Report): string =>
  table(
    "10 % of the answers are 503, 1 % are resets; 50 in flight",
    ["case", "calls", "good %", "good/s", "sends a call", "sockets"],
    rows.map((row) => [
      row.name,
      grouped(row.calls),
      row.goodPercent.toFixed(2),
      grouped(row.goodPerSecond),
      row.sendsPerCall.toFixed(3),
      grouped(row.sockets)
    ])
  )

const bodies = ({ bodies: rows = [] }: Report): string =>
  table(
    "Bodies, streamed",
    ["case", "way", "bytes", "MiB/s", "ratio", "peak MiB"],
    rows.map((row) => [
      row.name,
      row.direction,
      grouped(row.size),
      row.mebibytesPerSecond.toFixed(1),
      row.ratio.toFixed(2),
      row.peakMebibytes.toFixed(1)
    ])
  )

const files = ({ files: rows = [] }: Report): string =>
  table(
    "Downloads to a file and uploads of a file",
    ["case", "way", "MiB", "MiB/s", "ratio", "grown MiB"],
    rows.map((row) => [
      row.name,
      row.direction,
      grouped(row.size / (1024 * 1024)),
      row.mebibytesPerSecond.toFixed(1),
      row.ratio.toFixed(2),
      row.grownMebibytes.toFixed(1)
    ])
  )

const comparisonHead = ["per second", "CPU µs", "control's", "CPU µs", "ratio", "least", "most", "CPU ratio"]

const comparisonRow = (name: string, row: Comparison): ReadonlyArray<string> => [
  name,
  grouped(row.perSecond),
  row.cpuMicros.toFixed(2),
  grouped(row.controlPerSecond),
  row.controlCpuMicros.toFixed(2),
  row.ratio.toFixed(2),
  ...row.spread.map((ratio) => ratio.toFixed(2)),
  row.cpuRatio.toFixed(2)
]

const events = ({ events: rows = [] }: Report): string =>
  table(
    "Server-sent events of 200 bytes, and eventsource-parser with the body of undici.request",
    ["writes", ...comparisonHead],
    rows.map((row) => comparisonRow(row.form, row))
  )

const idleStreams = ({ idleStreams: rows = [] }: Report): string =>
  table(
    "Idle event streams",
    ["case", "streams", "bytes a stream"],
    rows.map(({ bytesPerStream, name, streams }) => [name, grouped(streams), grouped(bytesPerStream)])
  )

const pages = ({ pages: row }: Report): string =>
  table(
    "Pages of a list, and the same calls of api.get",
    ["reader", ...comparisonHead],
    row === undefined ? [] : [comparisonRow("Paginate", row)]
  )

const storm = ({ storm: rows = [] }: Report): string =>
  table(
    "Fibers that wait for one token",
    ["case", "fibers", "refreshes", "gather s", "release s", "bytes a fiber"],
    rows.map((row) => [
      row.name,
      grouped(row.fibers),
      grouped(row.refreshes),
      row.gatherSeconds.toFixed(3),
      row.releaseSeconds.toFixed(3),
      grouped(row.bytesPerFiber)
    ])
  )

const size = (what: string, { brotli, gzip, later, minified, modules }: Bundle): string =>
  `${what}: ${grouped(minified)} bytes minified, ${grouped(gzip)} gzip, ${grouped(brotli)} brotli, of ${modules.length} modules${
    later.minified === 0 ? "" : `; ${grouped(later.minified)} bytes more, minified, at the first use`
  }.`

const start = ({ start: found }: Report): string => {
  if (found === undefined) return ""
  const { imports, modulesOfApiClient, smallestClient, wholeClient } = found
  const times = table(
    "Imports in a fresh process",
    ["what", "ms", "ms, with Effect there"],
    imports.map(({ millis, millisWithoutPeers, name }) => [
      name,
      millis.toFixed(1),
      millisWithoutPeers?.toFixed(1) ?? "–"
    ])
  )
  return `${times}
${size("The smallest useful client", smallestClient)}
${size("An ApiClient with a bearer", wholeClient)}
@countersign/client/ApiClient loads ${modulesOfApiClient} modules beside those of Effect.
`
}

const fleet = ({ fleet: rows = [] }: Report): string =>
  table(
    "Redis: the store, one operation after the other, and the limiter, 64 callers of one key",
    ["what", "control", "unit", "ours", "control's", "ratio", "least", "most"],
    rows.map(({ control, controlValue, name, ratio, spread: [least, most], unit, value }) => [
      name,
      control,
      unit,
      unit === "ms" ? value.toFixed(3) : grouped(value),
      unit === "ms" ? controlValue.toFixed(3) : grouped(controlValue),
      ratio.toFixed(2),
      least.toFixed(2),
      most.toFixed(2)
    ])
  )

const fleetDelays = ({ fleetDelays: rows = [] }: Report): string =>
  table(
    "Redis: delays between three processes",
    ["from one process to the next", "samples", "p50 ms", "p99 ms", "control", "control's p50", "control's p99"],
    rows.map((row) => [
      row.name,
      String(row.samples),
      row.p50Millis.toFixed(2),
      row.p99Millis.toFixed(2),
      row.control,
      row.controlP50Millis.toFixed(2),
      row.controlP99Millis.toFixed(2)
    ])
  )

const sql = ({ sql: rows = [] }: Report): string =>
  table(
    "PostgreSQL: the store and a bare statement, in turns",
    ["operation / statement", "p50 ms", "p99 ms", "bare p50", "bare p99", "ratio"],
    rows.map((row) => [
      row.name,
      row.p50Millis.toFixed(3),
      row.p99Millis.toFixed(2),
      row.bareP50Millis.toFixed(3),
      row.bareP99Millis.toFixed(2),
      row.ratio.toFixed(2)
    ])
  )

/** The tables of the report's sections. */
export const format = (report: Report): string => {
  const parts = {
    cases,
    growth,
    policies,
    schemes,
    failure,
    bodies,
    files,
    events,
    idleStreams,
    pages,
    storm,
    start,
    fleet,
    fleetDelays,
    sql
  }
  const versions = Object.entries(report.versions).map(([name, version]) => `${name} ${version}`)
  const there = Object.entries(parts).flatMap(([name, show]) => (name in report ? [show(report)] : []))
  return [`Node ${report.node}, ${report.cpus}`, versions.join(", "), "", ...there].join("\n")
}
