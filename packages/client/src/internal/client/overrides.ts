/** The options of one call, or of `api.with`, that replace those of the client. */
import * as Headers from "@effect/platform/Headers"
import type * as Auth from "../../Auth.js"
import type * as Call from "../../Call.js"
import * as RateLimit from "../../RateLimit.js"
import type * as RequestDefaults from "../../RequestDefaults.js"
import * as OptionNames from "@countersign/protocol/OptionNames"
import { parseParams } from "../request/formParams.js"
import { isObject, wrongCallOption } from "../request/optionKinds.js"
import { defaultNames, otherNames } from "../request/optionNames.js"
import { InvalidRequest } from "../../Errors.js"
import type { ResolvedSettings, Services } from "./services.js"
import { retryOptions, timeoutOptions } from "./services.js"

/** Whether a call needs a pipeline of its own. That costs about twenty closures, for such calls only. */
export const hasOverrides = ({ auth, maxBodySize, redirects, retry, timeout }: Call.Options<unknown>): boolean =>
  auth !== undefined ||
  maxBodySize !== undefined ||
  redirects !== undefined ||
  retry !== undefined ||
  timeout !== undefined

/** The throttles of other accounts: a 429 of one account does not apply to another. */
export type Throttles = WeakMap<Auth.Service<unknown>, RateLimit.Service>

const throttleOf = (throttles: Throttles, auth: Auth.Service<unknown>): RateLimit.Service => {
  const throttle = throttles.get(auth) ?? RateLimit.throttle()
  throttles.set(auth, throttle)
  return throttle
}

const settingsWith = (settings: ResolvedSettings, options: Call.Options<unknown>): ResolvedSettings => {
  const { maxBodySize, redirects, retry, timeout } = options
  return {
    ...settings,
    ...(timeout !== undefined && { timeout: { ...settings.timeout, ...timeoutOptions(timeout) } }),
    ...(retry !== undefined && { retry }),
    ...(redirects !== undefined && { redirects }),
    ...(maxBodySize !== undefined && { maxBodySize })
  }
}

/** The retry budget of the client, unless the option `retry` names another one. */
const budgetOf = ({ budget }: Services<unknown>, { retry }: Call.Options<unknown>): Services<unknown>["budget"] =>
  retry === undefined || retry === false ? budget : (retryOptions(retry).budget ?? budget)

/** Throws for options of `api.with` that no call has, as a typed literal would not compile. */
export const checkDefaults = (options: Call.Options<unknown>): void => {
  const problem = isObject(options)
    ? (OptionNames.problem("`api.with`", options, defaultNames, otherNames) ?? wrongCallOption(options)?.detail)
    : "`api.with` needs an object of options."
  if (problem !== undefined) throw new TypeError(problem)
}

/** The services of a client with the options of one call. Limits, circuits and the retry budget are shared. */
export const withOverrides = <E, E1>(
  services: Services<E>,
  options: Call.Options<E1>,
  throttles: Throttles
): Services<E | E1> => {
  const { auth = services.auth } = options
  const isOtherAccount = auth !== services.auth
  return {
    ...services,
    settings: settingsWith(services.settings, options),
    auth,
    // The cookies are those of the client's account.
    jar: isOtherAccount ? undefined : services.jar,
    budget: budgetOf(services, options),
    limits: isOtherAccount && services.hasOwnThrottle ? throttleOf(throttles, auth) : services.limits
  }
}

/** The request defaults of a client with further headers and query parameters, which replace those of the same name. */
export const withDefaults = (
  defaults: RequestDefaults.Options,
  { headers, query }: Pick<Call.Options, "headers" | "query">
): RequestDefaults.Options => {
  const own = query === undefined ? [] : parseParams(query, "query", "Url")
  const outer = defaults.query === undefined ? [] : parseParams(defaults.query, "query", "Url")
  const isInvalid = own instanceof InvalidRequest || outer instanceof InvalidRequest
  return {
    ...defaults,
    ...(headers !== undefined && { headers: { ...defaults.headers, ...Headers.fromInput(headers) } }),
    // The policy reports an invalid query with each call.
    query: isInvalid ? query : [...outer.filter(([name]) => !own.some(([one]) => one === name)), ...own]
  }
}
