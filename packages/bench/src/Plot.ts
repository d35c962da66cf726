/** The throughput as a bar chart in SVG. */
import { grouped } from "./Numbers.js"
import type { Row } from "./sections/throughput.js"

const [width, labels, right, bar, gap, top] = [760, 160, 150, 20, 8, 56]

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

const kind = ({ name }: Row): string => (name.startsWith("ours") ? "ours" : name === "undici.request" ? "base" : "peer")

const barOf =
  (most: number) =>
  (row: Row, index: number): string => {
    const y = top + index * (bar + gap)
    const length = Math.round(((width - labels - right) * row.requestsPerSecond) / most)
    const middle = y + bar / 2
    return [
      `  <text x="${labels - 8}" y="${middle}" text-anchor="end">${escape(row.name)}</text>`,
      `  <rect class="${kind(row)}" x="${labels}" y="${y}" width="${length}" height="${bar}" rx="2"/>`,
      `  <text x="${labels + length + 8}" y="${middle}">${grouped(row.requestsPerSecond)} · ${row.ratio.toFixed(2)}</text>`
    ].join("\n")
  }

/** Draws the rows, fastest first, in colours for light and dark pages. */
export const draw = (rows: ReadonlyArray<Row>, where: string): string => {
  const sorted = rows.toSorted((a, b) => b.requestsPerSecond - a.requestsPerSecond)
  const height = top + sorted.length * (bar + gap) + 16
  const most = Math.max(1, ...sorted.map(({ requestsPerSecond }) => requestsPerSecond))
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title">
  <title id="title">Requests a second of each client, and the ratio to undici.request</title>
  <style>
    text { font: 13px system-ui, sans-serif; dominant-baseline: central; fill: #24292f }
    .base { fill: #57606a } .peer { fill: #afb8c1 } .ours { fill: #0969da }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 } .base { fill: #8b949e } .peer { fill: #484f58 } .ours { fill: #58a6ff }
    }
  </style>
  <text x="16" y="18" font-weight="600">Requests a second · ratio to undici.request</text>
  <text x="16" y="38">${escape(where)}</text>
${sorted.map(barOf(most)).join("\n")}
</svg>
`
}
