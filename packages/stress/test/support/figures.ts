/** Figures of a store that pass all assertions of the cases `processes` and `fleet`. */
import type { StoreFigures } from "../../src/processes/disturbances.js"
import type { VariantResult } from "../../src/processes/variant.js"

/** Without stops and kills. */
export const one: VariantResult = {
  processes: 8,
  seconds: 60,
  refreshes: 900,
  replays: 0,
  calls: 5000,
  rejected: 900,
  failed: 0,
  failures: "",
  waitMedianMs: 0,
  waitMaxMs: 900,
  windowMedianMs: 25,
  windowMaxMs: 60,
  stops: 0,
  longestStopMs: 0,
  kills: 0,
  revocations: 0,
  unavoidable: 0,
  isInSync: true
}

/** All disturbances. */
export const good: StoreFigures = {
  plain: one,
  stopped: { ...one, stops: 20, longestStopMs: 10_000 },
  killed: { ...one, kills: 100, unavoidable: 30, isInSync: false },
  graced: { ...one, kills: 100, replays: 30, isInSync: false },
  ahead: one,
  behind: one
}
