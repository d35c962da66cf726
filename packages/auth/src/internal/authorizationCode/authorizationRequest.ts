/** The authorization request (RFC 6749 §4.1.1), pushed where necessary (RFC 9126). */
import type { TokenError } from "../../Errors.js"
import { InvalidRequest } from "@countersign/client/Errors"
import * as Origin from "@countersign/protocol/Origin"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as oauth from "oauth4webapi"
import * as Form from "../http/formEncoding.js"
import type { ComplianceFixes } from "../oauth/client.js"
import type { Context, ServerClient } from "../oauth/serverClient.js"
import * as BodyMembers from "../response/bodyMembers.js"
import * as Fixes from "../response/complianceFixes.js"
import { sentence } from "../response/sentence.js"

/** Parameters that the client sets itself. A caller that overrides one could disable a protection. */
const reserved: ReadonlySet<string> = new Set([
  "client_id",
  "client_secret",
  "code_challenge",
  "code_challenge_method",
  "dpop_jkt",
  "nonce",
  "redirect_uri",
  "request",
  "request_uri",
  "resource",
  "response_type",
  "scope",
  "state"
])

const invalid = (detail: string) => Either.left(new InvalidRequest({ reason: "Url", detail: sentence(detail) }))

/** Checks additional parameters. Fails for a reserved one, and for an invalid `max_age`. */
export const validateExtraParameters = (
  parameters: Readonly<Record<string, string>>
): Either.Either<{ readonly maxAge: number | undefined }, InvalidRequest> => {
  const taken = Object.keys(parameters).find((name) => reserved.has(name))
  if (taken !== undefined)
    return invalid(`the parameter ${taken} cannot be added: the client sets it itself. Use its options`)
  const { max_age: maxAge } = parameters
  if (maxAge === undefined) return Either.right({ maxAge: undefined })
  return /^\d{1,9}$/.test(maxAge)
    ? Either.right({ maxAge: Number(maxAge) })
    : invalid("the parameter max_age is invalid: it is not a whole number of seconds")
}

/** RFC 8252 §7: an https URL, http on loopback, or a private-use scheme, which has a dot. */
const isValidRedirectUri = ({ hash, hostname, password, protocol, username }: URL): boolean =>
  hash === "" &&
  username === "" &&
  password === "" &&
  (protocol === "https:" || (protocol === "http:" && Origin.isLoopbackHost(hostname)) || protocol.includes("."))

/** Fails for a redirect URI where another application could receive the code. */
export const validateRedirectUri = (redirectUri: string): Either.Either<string, InvalidRequest> =>
  URL.canParse(redirectUri) && isValidRedirectUri(new URL(redirectUri)) && !redirectUri.includes("#")
    ? Either.right(redirectUri)
    : invalid("the redirect URI is invalid: use https, http on loopback, or a private-use scheme (com.example.app:/…)")

export interface Request {
  readonly redirectUri: string
  readonly scopes: ReadonlyArray<string>
  readonly complianceFixes: ComplianceFixes | undefined
  readonly resource: string | undefined
  readonly further: Readonly<Record<string, string>>
  readonly state: string
  readonly nonce: string | undefined
  /** Undefined for a server that rejects PKCE. */
  readonly verifier: string | undefined
}

/** The parameters of the request. */
export const parametersOf = async (request: Request, { client, options }: Context): Promise<URLSearchParams> => {
  const { nonce, redirectUri, resource, scopes, state, verifier } = request
  const parameters = new URLSearchParams({
    ...request.further,
    response_type: "code",
    client_id: client.client_id,
    redirect_uri: redirectUri,
    state
  })
  if (verifier !== undefined) {
    parameters.set("code_challenge", await oauth.calculatePKCECodeChallenge(verifier))
    parameters.set("code_challenge_method", "S256")
  }
  if (scopes.length > 0) parameters.set("scope", Fixes.scopeOf(scopes, request.complianceFixes))
  if (resource !== undefined) parameters.set("resource", resource)
  if (nonce !== undefined) parameters.set("nonce", nonce)
  // RFC 9449 §10: a stolen code cannot be exchanged without the key.
  if (options.DPoP !== undefined) parameters.set("dpop_jkt", await options.DPoP.calculateThumbprint())
  return parameters
}

/** Pushes the parameters (RFC 9126), and returns the parameters that refer to them. */
export const pushRequest = (
  { read }: ServerClient,
  server: oauth.AuthorizationServer,
  parameters: URLSearchParams
): Effect.Effect<URLSearchParams, TokenError> => {
  const client_id = parameters.get("client_id") ?? ""
  return read(
    ({ authentication, client, options }) =>
      oauth.pushedAuthorizationRequest(server, client, authentication, parameters, options),
    ({ request_uri: reference }) => {
      const uri = BodyMembers.text(reference)
      return uri === undefined
        ? Effect.fail(BodyMembers.invalid("pushed authorization response", "request_uri", reference, "a string"))
        : Effect.succeed(new URLSearchParams({ client_id, request_uri: uri }))
    }
  )
}

/** The URL to open. The query of the endpoint is kept byte for byte (RFC 6749 §3.1), except parameters of the request. */
export const urlOf = (server: oauth.AuthorizationServer, shown: URLSearchParams): string => {
  // The caller has checked that the endpoint is present.
  const url = new URL(server.authorization_endpoint ?? "")
  for (const name of shown.keys()) if (url.searchParams.has(name)) url.searchParams.delete(name)
  url.search = [url.search.slice(1), Form.encode(shown)].filter((part) => part !== "").join("&")
  url.hash = ""
  return url.href
}
