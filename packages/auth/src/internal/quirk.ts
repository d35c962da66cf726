/** What is done about a server that differs from the specifications. */
import { TokenError } from "@countersign/client/Errors"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as oauth from "oauth4webapi"
import type { Client, Quirks } from "../OAuth2.js"
import type { Token } from "../Token.js"
import type * as Bridge from "./bridge.js"

/** Scopes as a request has them. */
export const scopeOf = (scopes: ReadonlyArray<string>, quirks: Quirks | undefined): string =>
  scopes.join(quirks?.scopeSeparator ?? " ")

const parse = Schema.decodeUnknownOption(Schema.parseJson())

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => Predicate.isRecord(value)

const answered = async (response: Response, answer: NonNullable<Quirks["answer"]>): Promise<Response> => {
  const text = await response.text()
  const body = Option.getOrUndefined(Option.filter(parse(text), isObject))
  const { headers, status } = response
  return new Response(body === undefined ? text : JSON.stringify(answer(body)), { headers, status })
}

/** Has answers pass by what makes them ones of OAuth. Keys and metadata are fetched by GET, and are no answers. */
export const fetching = (fetch: Bridge.Fetch, quirks: Quirks | undefined): Bridge.Fetch => {
  const answer = quirks?.answer
  if (answer === undefined) return fetch
  return async (url, options) => {
    const response = await fetch(url, options)
    return options.method === "POST" && response.status === 200 ? answered(response, answer) : response
  }
}

/** Whether somebody is signed in without PKCE. Nothing else protects the code of a client that proves nothing. */
export const isWithoutPkce = ({
  clientAuthentication,
  quirks
}: Pick<Client, "clientAuthentication" | "quirks">): boolean =>
  quirks?.pkce === false && !(typeof clientAuthentication === "object" && clientAuthentication.method === "none")

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

/** OAuth's names for what may be gone soon. */
const passing: ReadonlySet<string> = new Set(["server_error", "temporarily_unavailable"])

/** Has errors that the server has names of its own for be known by those of OAuth; `detail` has the server's. */
export const renaming = (quirks: Quirks | undefined): ((error: TokenError) => TokenError) => {
  const names = new Map(Object.entries(quirks?.errors ?? {}))
  return (error) => {
    const { detail, error: code, reason, retryAt, sent } = error
    const known = code === undefined ? undefined : names.get(code)
    if (known === undefined) return error
    return passing.has(known)
      ? new TokenError({ reason: "Unavailable", detail: `the authorization server answered ${code}: try again later` })
      : new TokenError({ detail, error: known, reason, retryAt, sent })
  }
}

/** More than a name or an address has. */
const longestText = 2048

/** What of an answer is kept with its token. */
export const extrasOf = (answer: oauth.TokenEndpointResponse, quirks: Quirks | undefined): Pick<Token, "extras"> => {
  const kept = (quirks?.keeps ?? []).flatMap((name) => {
    const value = answer[name]
    return typeof value === "string" && value.length <= longestText ? [[name, value] as const] : []
  })
  return kept.length === 0 ? {} : { extras: Object.fromEntries(kept) }
}
