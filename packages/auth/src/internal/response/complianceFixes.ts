/** Applies the option `complianceFixes`, for servers that deviate from the specifications. */
import { TokenError } from "../../Errors.js"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import * as oauth from "oauth4webapi"
import type { Token } from "../../Token.js"
import type { Client, ComplianceFixes } from "../oauth/client.js"
import type { Body } from "./responseBody.js"

/** The value of the parameter `scope`. */
export const scopeOf = (scopes: ReadonlyArray<string>, complianceFixes: ComplianceFixes | undefined): string =>
  scopes.join(complianceFixes?.scopeSeparator ?? " ")

const threw = new TokenError({
  reason: "InvalidResponse",
  detail:
    "the response was not read: `complianceFixes.transformResponse` threw, or did not return an object. Return the body"
})

/** The body of a response after `complianceFixes.transformResponse`. */
export const transformBody = (
  body: Body,
  status: number,
  complianceFixes: ComplianceFixes | undefined
): Either.Either<Body, TokenError> => {
  const answer = complianceFixes?.transformResponse
  if (answer === undefined) return Either.right(body)
  try {
    const changed: unknown = answer(body, status)
    return Predicate.isRecord(changed) ? Either.right(changed) : Either.left(threw)
  } catch {
    return Either.left(threw)
  }
}

/** Whether a sign-in has no PKCE. A public client always uses it, because nothing else protects its code. */
export const isWithoutPkce = ({
  clientAuthentication,
  complianceFixes
}: Pick<Client, "clientAuthentication" | "complianceFixes">): boolean =>
  complianceFixes?.pkce === false &&
  !(typeof clientAuthentication === "object" && clientAuthentication.method === "none")

/**
 * Whether a sign-in has no nonce. Without PKCE a nonce is always sent, because nothing else binds the code to the sign-in.
 */
export const isWithoutNonce = (client: Pick<Client, "clientAuthentication" | "complianceFixes">): boolean =>
  client.complianceFixes?.nonce === false && !isWithoutPkce(client)

// A hook of the library for the expected issuer of an ID token. It exists at run time for its author's own client, but not
// in the types. If it is removed, the issuer of the metadata is compared, and more tokens are rejected.
const expectedIssuer = (oauth as unknown as { readonly _expectedIssuer: symbol })._expectedIssuer

/** The metadata with `complianceFixes.idTokenIssuer`, if the ID tokens of the server name another issuer. */
export const withIdTokenIssuer = (
  server: oauth.AuthorizationServer,
  complianceFixes: ComplianceFixes | undefined
): oauth.AuthorizationServer => {
  const issuerOf = complianceFixes?.idTokenIssuer
  if (issuerOf === undefined) return server
  return {
    ...server,
    [expectedIssuer]: ({ claims }: { readonly claims: Readonly<Record<string, unknown>> }) => issuerOf(claims)
  }
}

/** Maximum number of characters of an extra field. */
const maxFieldLength = 2048

/** The members of a token response that `complianceFixes.extraFields` stores with the token. */
export const pickExtraFields = (answer: Body, complianceFixes: ComplianceFixes | undefined): Pick<Token, "extra"> => {
  const kept = (complianceFixes?.extraFields ?? []).flatMap((name) => {
    const value = answer[name]
    return typeof value === "string" && value.length <= maxFieldLength ? [[name, value] as const] : []
  })
  return kept.length === 0 ? {} : { extra: Object.fromEntries(kept) }
}
