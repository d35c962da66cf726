/** Rejects unknown names of options, for JavaScript, variables and files. TypeScript finds them in literals only. */
import * as OptionNames from "@countersign/protocol/OptionNames"

export type { Shape, ShapeOf } from "@countersign/protocol/OptionNames"

/** Names in other libraries: nock, msw, Polly.JS, toxiproxy and oidc-provider. */
const otherNames: OptionNames.OtherNames = {
  fallback: "unmatched",
  otherwise: "unmatched",
  onUnhandledRequest: "unmatched",
  path: "file",
  filename: "file",
  redact: "secretNames",
  upstream: "up",
  downstream: "down",
  hostname: "host",
  keys: "apiKeys",
  rotate: "rotation",
  rotateRefreshToken: "rotation",
  gracePeriod: "reuseGrace",
  clockSkew: "clockOffset",
  par: "pushedRequests",
  user: "subject",
  sub: "subject",
  client_secret: "secret",
  clientSecret: "secret"
}

/** Throws for an unknown name, else returns the options. */
export const known = <O>(owner: string, options: O, names: OptionNames.Shape): O => {
  const problem = OptionNames.problem(owner, options, names, otherNames)
  if (problem !== undefined) throw new TypeError(problem)
  return options
}
