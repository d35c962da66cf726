/** What is done about a server that differs from the specifications. */
import { TokenError } from "@countersign/client/Errors"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import * as oauth from "oauth4webapi"
import type { Token } from "../../Token.js"
import type { Client, ComplianceFixes } from "../oauth/client.js"
import type { Body } from "./responseBody.js"

/** Scopes as a request has them. */
export const scopeOf = (scopes: ReadonlyArray<string>, complianceFixes: ComplianceFixes | undefined): string =>
  scopes.join(complianceFixes?.scopeSeparator ?? " ")

const threw = new TokenError({
  reason: "InvalidResponse",
  detail: "`complianceFixes.transformResponse` threw, or did not return an object: it has to return the body"
})

/** The body of a response as `complianceFixes.transformResponse` makes it. */
export const adapted = (
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

/** Whether somebody is signed in without PKCE. Nothing else protects the code of a client that proves nothing. */
export const isWithoutPkce = ({
  clientAuthentication,
  complianceFixes
}: Pick<Client, "clientAuthentication" | "complianceFixes">): boolean =>
  complianceFixes?.pkce === false &&
  !(typeof clientAuthentication === "object" && clientAuthentication.method === "none")

/**
 * Whether a sign-in has no nonce. Without PKCE it is the only thing that binds the code to the sign-in, and stays.
 */
export const isWithoutNonce = (client: Pick<Client, "clientAuthentication" | "complianceFixes">): boolean =>
  client.complianceFixes?.nonce === false && !isWithoutPkce(client)

// By it the library asks whom an ID token has to name: it is there at run time, for its author's own client, and left out of
// the types. Were it gone, the issuer of the metadata would be compared, and fewer tokens believed.
const expectedIssuer = (oauth as unknown as { readonly _expectedIssuer: symbol })._expectedIssuer

/** The metadata of a server whose ID tokens name somebody else than these do. */
export const expecting = (
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

/** More than a name or an address has. */
const longestText = 2048

/** What of an answer is kept with its token. */
export const extrasOf = (answer: Body, complianceFixes: ComplianceFixes | undefined): Pick<Token, "extra"> => {
  const kept = (complianceFixes?.extraFields ?? []).flatMap((name) => {
    const value = answer[name]
    return typeof value === "string" && value.length <= longestText ? [[name, value] as const] : []
  })
  return kept.length === 0 ? {} : { extra: Object.fromEntries(kept) }
}
