/** Rejects unknown names of options, for JavaScript, variables and files. TypeScript finds them in literals only. */
import * as OptionNames from "@countersign/protocol/OptionNames"

export type { ShapeOf } from "@countersign/protocol/OptionNames"

/** Names in other libraries: ioredis, node-redis, rate-limiter-flexible. */
const otherNames: OptionNames.OtherNames = {
  uri: "url",
  keyPrefix: "prefix",
  user: "username",
  pass: "password",
  ca: "tls",
  timeout: "commandTimeout",
  socketTimeout: "commandTimeout",
  ttl: "lease",
  wait: "lockTimeout",
  acquireTimeout: "lockTimeout",
  waitReplicas: "replicas",
  insuranceLimiter: "onUnavailable",
  failOpen: "onUnavailable",
  maxShared: "maxSharedThrottle"
}

/** Throws for an unknown name, else returns the options. */
export const known = <O>(owner: string, options: O, names: OptionNames.Shape): O => {
  const problem = OptionNames.problem(owner, options, names, otherNames)
  if (problem !== undefined) throw new TypeError(problem)
  return options
}
