/** Tokens of the scenarios: from the embedded server's endpoint, or random where the server accepts any token. */
import * as HttpClient from "@effect/platform/HttpClient"
import { TokenError } from "@countersign/auth/Errors"
import type { Token } from "@countersign/auth/Token"
import * as Tokens from "@countersign/auth/Token"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { randomUUID } from "node:crypto"
import { Target } from "./Target.js"

const Answer = Schema.Struct({ access_token: Schema.String, expires_in: Schema.Number })

const noToken = () => new TokenError({ reason: "Unavailable", detail: "the embedded server gave none" })

const fromEndpoint = (baseUrl: string) =>
  Effect.gen(function* () {
    const http = yield* HttpClient.HttpClient
    const answer = yield* http.post(`${baseUrl}/countersign/token`)
    const { access_token: text, expires_in: seconds } = yield* Schema.decodeUnknown(Answer)(yield* answer.json)
    return Tokens.bearer(Redacted.make(text), yield* Clock.currentTimeMillis, seconds * 1000)
  }).pipe(Effect.mapError(noToken))

// httpbin accepts any token, but removes leading letters of "Bearer" from it.
const madeUp = Effect.map(Clock.currentTimeMillis, (now) =>
  Tokens.bearer(Redacted.make(`token-${randomUUID()}`), now, 3600_000)
)

/** Issues tokens for the target and counts them. */
export const counted = Effect.gen(function* () {
  const { baseUrl, isEmbedded } = yield* Target
  let count = 0
  const mint: Effect.Effect<Token, TokenError, HttpClient.HttpClient> = Effect.suspend(() => {
    count += 1
    return isEmbedded ? fromEndpoint(baseUrl) : madeUp
  })
  return { mint, count: () => count }
})
