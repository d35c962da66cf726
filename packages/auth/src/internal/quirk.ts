/** What is done about a server that differs from the specifications. */
import { TokenError } from "@countersign/client/Errors"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as oauth from "oauth4webapi"
import type { Quirks } from "../OAuth2.js"
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

/** Has answers of the token endpoint pass by what makes them ones of OAuth. */
export const fetching = (
  fetch: Bridge.Fetch,
  { token_endpoint: endpoint }: oauth.AuthorizationServer,
  quirks: Quirks | undefined
): Bridge.Fetch => {
  const answer = quirks?.answer
  if (answer === undefined || endpoint === undefined) return fetch
  const { href } = new URL(endpoint)
  return async (url, options) => {
    const response = await fetch(url, options)
    return url === href && response.status === 200 ? answered(response, answer) : response
  }
}

/** Has errors that the server has names of its own for be known by those of OAuth; `detail` has the server's. */
export const renaming =
  (quirks: Quirks | undefined) =>
  (error: TokenError): TokenError => {
    const { detail, error: code, reason, retryAt, sent } = error
    const known = code === undefined ? undefined : new Map(Object.entries(quirks?.errors ?? {})).get(code)
    return known === undefined ? error : new TokenError({ detail, error: known, reason, retryAt, sent })
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
