/** The names of the options of a client, for the check when it is built. */
import type * as OptionNames from "@countersign/protocol/OptionNames"
import { redirectNames } from "../redirects/options.js"
import { timeoutNames } from "../request/optionNames.js"
import { retryNames } from "../retry/options.js"
import type { AnyOptions } from "./options.js"

export const clientNames: OptionNames.ShapeOf<AnyOptions> = {
  baseUrl: true,
  headers: true,
  query: true,
  userAgent: true,
  origins: true,
  auth: true,
  timeout: timeoutNames,
  retry: retryNames,
  hedge: true,
  idempotencyKey: true,
  redirects: redirectNames,
  rateLimit: true,
  circuitBreaker: true,
  concurrency: true,
  tracing: { propagateTo: true },
  metrics: true,
  observe: true,
  showQuery: true,
  cookies: true,
  cache: true,
  maxBodySize: "amount",
  json: true
}
