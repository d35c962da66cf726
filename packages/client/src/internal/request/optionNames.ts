/** The names of the options of a call, for the check when it runs. */
import type * as OptionNames from "@countersign/protocol/OptionNames"
import type * as Call from "../../Call.js"
import { redirectNames } from "../redirects/options.js"
import { retryNames } from "../retry/options.js"

export const timeoutNames: OptionNames.ShapeOf<Call.TimeoutOptions> = { call: "duration", exchange: "duration" }

type CallOptions = Call.Options &
  Call.ResponseOptions<undefined, undefined, boolean> &
  Call.BodyOptions<undefined> &
  Call.PathOptions<string>

const sharedNames: OptionNames.ShapeOf<Omit<Call.Options, "maxBodySize">> = {
  query: true,
  headers: true,
  auth: true,
  timeout: timeoutNames,
  retry: retryNames,
  redirects: redirectNames
}

/** The options of `api.with`. */
export const defaultNames: OptionNames.ShapeOf<Call.Options> = { ...sharedNames, maxBodySize: "amount" }

/** The options of a call without a body. */
export const bodilessNames: OptionNames.ShapeOf<Omit<CallOptions, keyof Call.BodyOptions<undefined>>> = {
  ...defaultNames,
  path: true,
  schema: true,
  errorSchema: true,
  withResponse: true
}

const bodyNames: OptionNames.ShapeOf<Call.BodyOptions<undefined>> = {
  json: true,
  jsonSchema: true,
  form: true,
  multipart: true,
  text: true,
  body: true
}

export const callNames: OptionNames.ShapeOf<CallOptions> = { ...bodilessNames, ...bodyNames }

type OpenOptions = Call.OpenOptions<undefined> & Call.BodyOptions<undefined> & Call.PathOptions<string>

/** The options of `api.open` for a method without a body. */
export const bodilessOpenNames: OptionNames.ShapeOf<Omit<OpenOptions, keyof Call.BodyOptions<undefined>>> = {
  ...sharedNames,
  path: true,
  errorSchema: true,
  method: true,
  idle: "duration"
}

export const openNames: OptionNames.ShapeOf<OpenOptions> = { ...bodilessOpenNames, ...bodyNames }

const retryAdvice = "Pass `retry: Retry.exponential({ times: 3 })`."

/** Names in other libraries: axios, ky, got, requests, Octokit and the OpenAI SDK. */
export const otherNames: OptionNames.OtherNames = {
  params: "query",
  searchParams: "query",
  urlParams: "query",
  qs: "query",
  pathParams: "path",
  data: "json",
  payload: "json",
  formData: "multipart",
  files: "multipart",
  responseType: "schema",
  parseAs: "schema",
  baseURL: "baseUrl",
  prefixUrl: "baseUrl",
  endpoint: "baseUrl",
  retries: "retry",
  maxRetries: "retry",
  maxAttempts: "retry",
  times: retryAdvice,
  attempts: retryAdvice,
  request: "exchange",
  response: "exchange",
  total: "call",
  connect: "Set `connectTimeout` of the transport.",
  followRedirects: "redirects",
  followRedirect: "redirects",
  allowRedirects: "redirects",
  token: "auth",
  bearer: "auth",
  credentials: "auth",
  maxContentLength: "maxBodySize",
  limits: "rateLimit",
  jar: "cookies",
  hooks: "observe",
  interceptors: "observe",
  logger: "Provide `ApiLog.layer()`.",
  method: "Use `api.post` or `api.request`.",
  signal: "Interrupt the fiber, or use `PromiseClient`.",
  throwHttpErrors: "Use `Effect.either` or `Effect.catchTag`.",
  proxy: "Set it on the transport.",
  baseUrl: "Set it on the client."
}
