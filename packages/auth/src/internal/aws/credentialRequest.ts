/** Responses of servers that issue credentials. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Credentials } from "./credentials.js"
import { TokenError } from "../../Errors.js"
import { unavailable } from "../http/boundedRequest.js"

export { send } from "../http/boundedRequest.js"

/** The error of a response without credentials. */
export const invalidResponse = (server: string, cause: string): TokenError =>
  new TokenError({ reason: "InvalidResponse", detail: `the response of ${server} is invalid: ${cause}` })

/** An error code without text of the server, which could repeat a secret. */
const codeOf = (code: string | undefined): string | undefined =>
  code !== undefined && /^[A-Za-z.]{1,80}$/.test(code) ? code : undefined

/** Codes of a 4xx that a later request may not get. */
const temporary = /^(?:Throttling(?:Exception)?|RequestLimitExceeded|TooManyRequestsException|IDPCommunicationError)$/

/** The error of a response with another status than 200. */
export const rejected = (server: string, status: number, code: string | undefined, retryAt?: number): TokenError => {
  const error = codeOf(code)
  const detail = `${server} answered ${status}${error === undefined ? "" : ` with ${error}`}`
  return status >= 500 || status === 429 || (error !== undefined && temporary.test(error))
    ? unavailable(`${detail}. Try again later.`, retryAt)
    : new TokenError({ reason: "Rejected", detail: `${detail}. Check the role and the token.`, error })
}

/** The members of credentials in a response. */
export interface Members {
  readonly accessKeyId: string | undefined
  readonly secretAccessKey: string | undefined
  readonly sessionToken: string | undefined
  readonly expiration: string | undefined
}

const isVisible = (text: string | undefined): text is string => text !== undefined && /^[!-~]{1,8192}$/.test(text)

/** Checks the members. The error names one, and shows no value. */
export const credentialsOf = (server: string, members: Members): Effect.Effect<Credentials, TokenError> => {
  const { accessKeyId, expiration, secretAccessKey, sessionToken } = members
  const wrong = (name: string) => Effect.fail(invalidResponse(server, `\`${name}\` is missing or invalid.`))
  if (accessKeyId === undefined || !/^[\w-]{1,128}$/.test(accessKeyId)) return wrong("AccessKeyId")
  if (!isVisible(secretAccessKey)) return wrong("SecretAccessKey")
  if (!isVisible(sessionToken)) return wrong("SessionToken")
  const expiresAt = expiration !== undefined && /^\d{4}-\d\d-\d\dT/.test(expiration) ? Date.parse(expiration) : NaN
  if (Number.isNaN(expiresAt)) return wrong("Expiration")
  return Effect.succeed({
    accessKeyId,
    secretAccessKey: Redacted.make(secretAccessKey),
    sessionToken: Redacted.make(sessionToken),
    expiresAt
  })
}
