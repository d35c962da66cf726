/** The score of a cache in one suite of the HTTP cache tests. */
import type { Failure } from "./Checks.js"
import type { Test } from "./Suite.js"

/** Required cases that a cache of an API client does not fulfil, and why. */
export const exceptions: Readonly<Record<string, string>> = {}

/** A case and its failure, if it has one. */
export interface Outcome {
  readonly test: Test
  readonly failure: Failure | undefined
}

/** A case says nothing if its preparation failed, or if a case failed that it depends on. */
const isInconclusive = ({ failure, test }: Outcome, failed: ReadonlySet<string>): boolean =>
  failure?.isSetup === true || test.depends_on.some((id) => failed.has(id))

const count = (outcomes: ReadonlyArray<Outcome>, kind: Test["kind"]): string => {
  const own = outcomes.filter(({ test }) => test.kind === kind)
  return `${own.filter(({ failure }) => failure === undefined).length} of ${own.length}`
}

/** The outcomes of a suite as text, and the required cases that failed without an exception. */
export interface Score {
  readonly text: string
  readonly wrong: ReadonlyArray<string>
}

/** Counts the outcomes of a suite. The others belong to cases that it depends on. */
export const score = (suite: string, all: ReadonlyArray<Outcome>): Score => {
  const failed = new Set(all.filter(({ failure }) => failure !== undefined).map(({ test }) => test.id))
  const own = all.filter(({ test }) => test.suite === suite)
  const inconclusive = own.filter((one) => isInconclusive(one, failed))
  const conclusive = own.filter((one) => !isInconclusive(one, failed))
  const wrong = conclusive.flatMap(({ failure, test }) =>
    failure !== undefined && test.kind === "required" && !(test.id in exceptions)
      ? [`${test.id}: ${failure.message}`]
      : []
  )
  const text =
    `required ${count(conclusive, "required")}, optimal ${count(conclusive, "optimal")}, ` +
    `check ${count(conclusive, "check")}, inconclusive ${inconclusive.length}`
  return { text, wrong }
}
