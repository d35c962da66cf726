/** What somebody is sent to the authorization server with. */
import { InvalidRequest } from "@countersign/client/Errors"
import * as Either from "effect/Either"
import * as oauth from "oauth4webapi"
import type { Quirks } from "../OAuth2.js"
import type { Context } from "./conversation.js"
import * as Quirk from "./quirk.js"

/** The names that a request is made of: whoever could set one of them could undo what the others are for. */
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

const invalid = (detail: string) => Either.left(new InvalidRequest({ reason: "Url", detail }))

/** Further parameters, if they are ones that may be added. */
export const furtherOf = (
  parameters: Readonly<Record<string, string>>
): Either.Either<{ readonly maxAge: number | undefined }, InvalidRequest> => {
  const taken = Object.keys(parameters).find((name) => reserved.has(name))
  if (taken !== undefined) return invalid(`the parameter ${taken} is set by the client itself: use its options`)
  const { max_age: maxAge } = parameters
  if (maxAge === undefined) return Either.right({ maxAge: undefined })
  return /^\d{1,9}$/.test(maxAge)
    ? Either.right({ maxAge: Number(maxAge) })
    : invalid("the parameter max_age is no number of seconds")
}

const loopback: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"])

/** RFC 8252 §7: an https URL, a loopback address, or a scheme of the application's own, which has a dot. */
const isReturn = ({ hash, hostname, password, protocol, username }: URL): boolean =>
  hash === "" &&
  username === "" &&
  password === "" &&
  (protocol === "https:" || (protocol === "http:" && loopback.has(hostname)) || protocol.includes("."))

/** Fails where nobody may be sent back to: the code would go to whoever listens there. */
export const checkedReturn = (redirectUri: string): Either.Either<string, InvalidRequest> =>
  URL.canParse(redirectUri) && isReturn(new URL(redirectUri)) && !redirectUri.includes("#")
    ? Either.right(redirectUri)
    : invalid("the redirect URI is neither https, nor http on loopback, nor a scheme of its own (com.example.app:/…)")

export interface Request {
  readonly redirectUri: string
  readonly scopes: ReadonlyArray<string>
  readonly quirks: Quirks | undefined
  readonly resource: string | undefined
  readonly further: Readonly<Record<string, string>>
  readonly pushed: boolean
  readonly state: string
  readonly nonce: string | undefined
  /** None for a server that refuses PKCE. */
  readonly verifier: string | undefined
}

const parametersOf = async (request: Request, { client, options }: Context): Promise<URLSearchParams> => {
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
  if (scopes.length > 0) parameters.set("scope", Quirk.scopeOf(scopes, request.quirks))
  if (resource !== undefined) parameters.set("resource", resource)
  if (nonce !== undefined) parameters.set("nonce", nonce)
  // RFC 9449 §10: a code that somebody else gets hold of is of no use without the key either.
  if (options.DPoP !== undefined) parameters.set("dpop_jkt", await options.DPoP.calculateThumbprint())
  return parameters
}

const pushedUri = async (
  server: oauth.AuthorizationServer,
  { authentication, client, options }: Context,
  parameters: URLSearchParams
): Promise<string> => {
  const answer = await oauth.pushedAuthorizationRequest(server, client, authentication, parameters, options)
  return (await oauth.processPushedAuthorizationResponse(server, client, answer)).request_uri
}

/** The URL to open. The endpoint's own query stays (RFC 6749 §3.1). */
export const urlOf = async (server: oauth.AuthorizationServer, context: Context, request: Request): Promise<string> => {
  const parameters = await parametersOf(request, context)
  // Its presence was checked before.
  const url = new URL(server.authorization_endpoint ?? "")
  const shown = request.pushed
    ? new URLSearchParams({
        client_id: context.client.client_id,
        request_uri: await pushedUri(server, context, parameters)
      })
    : parameters
  for (const [name, value] of shown) url.searchParams.set(name, value)
  url.hash = ""
  return url.href
}
