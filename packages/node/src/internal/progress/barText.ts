/** The text of a progress bar: a pure function of its state and the width of the terminal. */

/** What a bar shows. */
export interface BarState {
  /** Text before the bar. */
  readonly label: string
  /** Bytes or items so far. */
  readonly done: number
  /** All bytes or items. Undefined if unknown. */
  readonly total: number | undefined
  /** Name of the items. Undefined for bytes. */
  readonly unit: string | undefined
  /** Bytes or items per second. Undefined if unknown yet. */
  readonly rate: number | undefined
  /** Number of the send of an upload. */
  readonly send: number
  /** Time since the beginning in milliseconds. */
  readonly elapsedMs: number
}

const units = ["B", "kB", "MB", "GB", "TB", "PB"] as const

/** Bytes in decimal units with three digits, such as `12.3 MB`. */
export const formatBytes = (bytes: number): string => {
  let value = Math.max(0, bytes)
  let at = 0
  // 999.95 would be shown as 1000.0.
  while (value >= 999.5 && at < units.length - 1) {
    value /= 1000
    at += 1
  }
  return `${at === 0 ? Math.round(value) : value < 100 ? value.toPrecision(3) : Math.round(value)} ${units[at] ?? "B"}`
}

/** A duration as `m:ss` or `h:mm:ss`. */
export const formatTime = (ms: number): string => {
  const seconds = Math.max(0, Math.round(ms / 1000))
  const pad = (value: number): string => String(value).padStart(2, "0")
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  const rest = `${hours > 0 ? pad(minutes % 60) : minutes}:${pad(seconds % 60)}`
  return hours > 0 ? `${hours}:${rest}` : rest
}

const maxTimeMs = 100 * 3_600_000

const amountOf = ({ unit }: BarState, value: number): string =>
  unit === undefined ? formatBytes(value) : String(Math.round(value))

const rateOf = (state: BarState): string => {
  if (state.rate === undefined) return ""
  return state.unit === undefined ? `${formatBytes(state.rate)}/s` : `${state.rate.toFixed(1)}/s`
}

/** The time that is left, or that has passed if the total is unknown. */
const timeOf = ({ done, elapsedMs, rate, total }: BarState): string => {
  if (total === undefined || done >= total) return formatTime(elapsedMs)
  const left = rate === undefined || rate <= 0 ? Number.POSITIVE_INFINITY : ((total - done) / rate) * 1000
  return left < maxTimeMs ? `${formatTime(left)} left` : ""
}

const barWidth = 20

const barOf = ({ done, total }: BarState): string => {
  if (total === undefined || total <= 0) return ""
  const share = Math.min(1, done / total)
  const filled = Math.floor(share * barWidth)
  return `[${"#".repeat(filled)}${"-".repeat(barWidth - filled)}] ${String(Math.floor(share * 100)).padStart(3)} %`
}

/** Control characters and line ends would move the cursor. */
const visible = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, " ")

/** One line of at most `width` characters. */
export const barText = (state: BarState, width: number): string => {
  const { done, label, send, total, unit } = state
  const amount = amountOf(state, done) + (total === undefined ? "" : ` of ${amountOf(state, total)}`)
  const parts = [
    visible(label),
    barOf(state),
    unit === undefined ? amount : `${amount} ${visible(unit)}`,
    rateOf(state),
    timeOf(state),
    send > 1 ? `send ${send}` : ""
  ]
  return parts
    .filter((part) => part !== "")
    .join("  ")
    .slice(0, Math.max(0, width))
}
