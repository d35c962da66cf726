/** Rejects unknown names of options, for JavaScript, variables and files. TypeScript finds them in literals only. */
import { InvalidRequest } from "@countersign/client/Errors"
import * as OptionNames from "@countersign/protocol/OptionNames"
import * as Effect from "effect/Effect"

export type { ShapeOf } from "@countersign/protocol/OptionNames"

/** Names in other libraries: undici, got, axios, `node:https` and keytar. */
const otherNames: OptionNames.OtherNames = {
  maxConnections: "connections",
  maxSockets: "connections",
  timeout: "headersTimeout",
  requestTimeout: "headersTimeout",
  http2: "allowH2",
  keepAlive: "keepAliveTimeout",
  unixSocket: "socketPath",
  ca: "tls",
  cert: "tls",
  key: "tls",
  https: "tls",
  proxyUrl: "proxy",
  proxyUri: "proxy",
  proxies: "proxy",
  httpProxy: "http",
  httpsProxy: "https",
  bypass: "noProxy",
  rejectUnauthorized: "ca",
  serverName: "servername",
  sni: "servername",
  file: "path",
  filename: "path",
  fileName: "path",
  directory: "lockDirectory",
  name: "service",
  wait: "lockTimeout",
  acquireTimeout: "lockTimeout",
  hostname: "host",
  app: "command",
  browser: "command",
  id: "storeId",
  oldKeys: "previousKeys"
}

/** What is wrong with an unknown name. Undefined if all names are known. */
export const findProblem = (owner: string, options: unknown, names: OptionNames.Shape): string | undefined =>
  OptionNames.problem(owner, options, names, otherNames)

/** Fails for an unknown name: for constructors with `InvalidRequest` among their errors. */
export const check = (owner: string, options: unknown, names: OptionNames.Shape): Effect.Effect<void, InvalidRequest> =>
  Effect.suspend(() => {
    const detail = findProblem(owner, options, names)
    return detail === undefined ? Effect.void : Effect.fail(new InvalidRequest({ reason: "Options", detail }))
  })

/** Throws for an unknown name, else returns the options: for constructors without an error for it. */
export const known = <O>(owner: string, options: O, names: OptionNames.Shape): O => {
  const problem = findProblem(owner, options, names)
  if (problem !== undefined) throw new TypeError(problem)
  return options
}
