/** The names of the options of a token source. */
import type * as Auth from "@countersign/client/Auth"
import type * as OptionNames from "../options/optionNames.js"
import type { Options, RefreshOptions } from "./service.js"

const expiredWhenNames: OptionNames.ShapeOf<Auth.ExpiredWhen> = { status: true, body: true }

/** The times of a token source, which each grant has too. */
export const refreshNames: OptionNames.ShapeOf<RefreshOptions> = {
  timeout: "duration",
  refreshWindow: "duration",
  forcedRefreshWindow: "duration",
  propagationDelay: "duration",
  expiredWhen: expiredWhenNames
}

export const sourceNames: OptionNames.ShapeOf<Options> = {
  ...refreshNames,
  key: true,
  acquireToken: true,
  canSatisfy: true,
  tokenOwner: { issuer: true, client: true, account: true, audience: true, lineage: true },
  onCorruptRecord: true
}
