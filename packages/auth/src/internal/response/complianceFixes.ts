/** What is done about a server that differs from the specifications. */
import { TokenError } from "@countersign/client/Errors"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import * as oauth from "oauth4webapi"
import type { Token } from "../../Token.js"
import type { Client, Quirks } from "../oauth/client.js"
import type { Body } from "./responseBody.js"

/** Scopes as a request has them. */
export const scopeOf = (scopes: ReadonlyArray<string>, quirks: Quirks | undefined): string =>
  scopes.join(quirks?.scopeSeparator ?? " ")

const threw = new TokenError({
  reason: "InvalidResponse",
  detail: "`quirks.answer` threw, or did not return an object: it has to return the body"
})

/** The body of a response as `quirks.answer` makes it. */
export const adapted = (body: Body, status: number, quirks: Quirks | undefined): Either.Either<Body, TokenError> => {
  const answer = quirks?.answer
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
  quirks
}: Pick<Client, "clientAuthentication" | "quirks">): boolean =>
  quirks?.pkce === false && !(typeof clientAuthentication === "object" && clientAuthentication.method === "none")

/**
 * Whether a sign-in has no nonce. Without PKCE it is the only thing that binds the code to the sign-in, and stays.
 */
export const isWithoutNonce = (client: Pick<Client, "clientAuthentication" | "quirks">): boolean =>
  client.quirks?.nonce === false && !isWithoutPkce(client)

// By it the library asks whom an ID token has to name: it is there at run time, for its author's own client, and left out of
// the types. Were it gone, the issuer of the metadata would be compared, and fewer tokens believed.
const expectedIssuer = (oauth as unknown as { readonly _expectedIssuer: symbol })._expectedIssuer

/** The metadata of a server whose ID tokens name somebody else than these do. */
export const expecting = (server: oauth.AuthorizationServer, quirks: Quirks | undefined): oauth.AuthorizationServer => {
  const issuerOf = quirks?.issuerOf
  if (issuerOf === undefined) return server
  return {
    ...server,
    [expectedIssuer]: ({ claims }: { readonly claims: Readonly<Record<string, unknown>> }) => issuerOf(claims)
  }
}

/** More than a name or an address has. */
const longestText = 2048

/** What of an answer is kept with its token. */
export const extrasOf = (answer: Body, quirks: Quirks | undefined): Pick<Token, "extras"> => {
  const kept = (quirks?.keeps ?? []).flatMap((name) => {
    const value = answer[name]
    return typeof value === "string" && value.length <= longestText ? [[name, value] as const] : []
  })
  return kept.length === 0 ? {} : { extras: Object.fromEntries(kept) }
}
