/** Rejects unknown names of options and numbers that are out of range, when a policy or a service is made. */
import * as OptionNames from "@countersign/protocol/OptionNames"

export type { ShapeOf } from "@countersign/protocol/OptionNames"

/** Names in other libraries: p-retry, async-retry, cockatiel, opossum, Bottleneck and p-limit. */
const otherNames: OptionNames.OtherNames = {
  retries: "times",
  maxRetries: "times",
  attempts: "times",
  initialDelay: "baseDelay",
  minTimeout: "baseDelay",
  base: "baseDelay",
  maxTimeout: "maxDelay",
  cap: "maxDelay",
  maxConcurrent: "limit",
  maxConcurrency: "limit",
  concurrency: "limit",
  max: "limit",
  queue: "maxQueued",
  after: "delay",
  threshold: "failureRateThreshold",
  errorThresholdPercentage: "failureRateThreshold",
  volumeThreshold: "minimumCalls"
}

/** Throws for an unknown name or a wrong number, else returns the options. */
export const known = <O>(owner: string, options: O, names: OptionNames.Shape): O => {
  const problem = OptionNames.problem(`\`${owner}\``, options, names, otherNames)
  if (problem !== undefined) throw new TypeError(problem)
  return options
}
