/** `AssumeRoleWithWebIdentity` of STS. */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Credentials } from "./credentials.js"
import { TokenError } from "../../Errors.js"
import { credentialsOf, invalidResponse, rejected, send } from "./credentialRequest.js"

/** What is exchanged, and where. */
export interface Role<R> {
  readonly roleArn: string
  readonly token: Effect.Effect<Redacted.Redacted<string>, TokenError, R>
  readonly sessionName: string
  readonly region?: string | undefined
  readonly endpoint?: string | undefined
  readonly durationSeconds?: number | undefined
}

const server = "STS"

const noToken = new TokenError({
  reason: "Rejected",
  detail: "the token of the identity provider is empty. Check the file or the variable that it comes from."
})

const hostOf = (region: string | undefined): string => {
  if (region === undefined) return "sts.amazonaws.com"
  return `sts.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`
}

/** The text of the first element with a name. Undefined if it has children or references, which no value of STS has. */
const elementOf = (xml: string, name: string): string | undefined => {
  const start = xml.indexOf(`<${name}>`)
  if (start === -1) return undefined
  const from = start + name.length + 2
  const end = xml.indexOf(`</${name}>`, from)
  const text = end === -1 ? "" : xml.slice(from, end).trim()
  return text === "" || /[<&]/.test(text) ? undefined : text
}

const requestOf = (role: Role<unknown>, token: string): HttpClientRequest.HttpClientRequest =>
  HttpClientRequest.post(role.endpoint ?? `https://${hostOf(role.region)}/`).pipe(
    HttpClientRequest.setHeader("accept", "application/xml"),
    HttpClientRequest.bodyUrlParams({
      Action: "AssumeRoleWithWebIdentity",
      Version: "2011-06-15",
      RoleArn: role.roleArn,
      RoleSessionName: role.sessionName,
      WebIdentityToken: token,
      ...(role.durationSeconds !== undefined && { DurationSeconds: String(role.durationSeconds) })
    })
  )

/** Reads the token, and exchanges it for credentials. */
export const acquire = <R>(role: Role<R>): Effect.Effect<Credentials, TokenError, R | HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const token = Redacted.value(yield* role.token).trim()
    if (token === "") return yield* Effect.fail(noToken)
    const { retryAt, status, text } = yield* send(requestOf(role, token), server)
    if (status !== 200) return yield* Effect.fail(rejected(server, status, elementOf(text, "Code"), retryAt))
    const start = text.indexOf("<Credentials>")
    if (start === -1) return yield* Effect.fail(invalidResponse(server, "it has no `Credentials`."))
    const credentials = text.slice(start)
    return yield* credentialsOf(server, {
      accessKeyId: elementOf(credentials, "AccessKeyId"),
      secretAccessKey: elementOf(credentials, "SecretAccessKey"),
      sessionToken: elementOf(credentials, "SessionToken"),
      expiration: elementOf(credentials, "Expiration")
    })
  })
