/** Requests to STS, and their responses. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import type { Credentials, RoleOptions } from "./credentials.js"
import type { TokenError } from "../../Errors.js"
import type { Answer } from "../http/boundedRequest.js"
import { credentialsOf, invalidResponse, rejected } from "./credentialRequest.js"

/** The name of the server in errors. */
export const server = "STS"

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

/** A role to assume, with the name of the session. */
export type Role = RoleOptions & { readonly sessionName: string }

/** The request of an action that assumes a role. */
export const requestOf = (
  { durationSeconds, endpoint, region, roleArn, sessionName }: Role,
  action: "AssumeRole" | "AssumeRoleWithWebIdentity",
  parameters: Readonly<Record<string, string>>
): HttpClientRequest.HttpClientRequest =>
  HttpClientRequest.post(endpoint ?? `https://${hostOf(region)}/`).pipe(
    HttpClientRequest.setHeader("accept", "application/xml"),
    HttpClientRequest.bodyUrlParams({
      Action: action,
      Version: "2011-06-15",
      RoleArn: roleArn,
      RoleSessionName: sessionName,
      ...parameters,
      ...(durationSeconds !== undefined && { DurationSeconds: String(durationSeconds) })
    })
  )

/** The credentials in a response. */
export const credentialsIn = ({ retryAt, status, text }: Answer): Effect.Effect<Credentials, TokenError> => {
  if (status !== 200) return Effect.fail(rejected(server, status, elementOf(text, "Code"), retryAt))
  const start = text.indexOf("<Credentials>")
  if (start === -1) return Effect.fail(invalidResponse(server, "it has no `Credentials`."))
  const credentials = text.slice(start)
  return credentialsOf(server, {
    accessKeyId: elementOf(credentials, "AccessKeyId"),
    secretAccessKey: elementOf(credentials, "SecretAccessKey"),
    sessionToken: elementOf(credentials, "SessionToken"),
    expiration: elementOf(credentials, "Expiration")
  })
}
