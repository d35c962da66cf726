/** A source of temporary credentials over a token source: three secrets with one expiry are stored as one token. */
import type { InvalidRequest } from "@countersign/client/Errors"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Credentials, RefreshOptions, Source } from "./credentials.js"
import type { TokenSourceError } from "../../Errors.js"
import { TokenError } from "../../Errors.js"
import type { Token } from "../../Token.js"
import * as TokenSource from "../../TokenSource.js"
import * as TokenStore from "../../TokenStore.js"

const Secrets = Schema.parseJson(
  Schema.Struct({
    accessKeyId: Schema.String,
    secretAccessKey: Schema.String,
    sessionToken: Schema.optional(Schema.String)
  })
)

const encode = Schema.encodeSync(Secrets)
const decode = Schema.decodeUnknownSync(Secrets)

const tokenOf = ({ accessKeyId, expiresAt, secretAccessKey, sessionToken }: Credentials, now: number): Token => ({
  accessToken: Redacted.make(
    encode({
      accessKeyId,
      secretAccessKey: Redacted.value(secretAccessKey),
      sessionToken: sessionToken && Redacted.value(sessionToken)
    })
  ),
  tokenType: "AWS4-HMAC-SHA256",
  receivedAt: now,
  expiresAt
})

/** The store is in memory, so it has only tokens of {@link tokenOf}. */
const credentialsOf = ({ accessToken, expiresAt }: Token): Credentials => {
  const { accessKeyId, secretAccessKey, sessionToken } = decode(Redacted.value(accessToken))
  return {
    accessKeyId,
    secretAccessKey: Redacted.make(secretAccessKey),
    sessionToken: sessionToken === undefined ? undefined : Redacted.make(sessionToken),
    expiresAt
  }
}

const expired = new TokenError({
  reason: "InvalidResponse",
  detail: "the credentials have already expired. Check the clock of this machine."
})

/** The error with the words of this source. */
const worded = ({ detail, error, reason, retryAt, sent }: TokenError): TokenError =>
  new TokenError({ detail, error, reason, retryAt, sent }, "No AWS credentials are available")

/** Makes the source. It runs in the scope of this effect. */
export const make = <R>(
  acquire: Effect.Effect<Credentials, TokenError, R>,
  { forcedRefreshWindow, refreshWindow, timeout }: RefreshOptions
): Effect.Effect<Source<TokenSourceError>, InvalidRequest, R | Scope.Scope> =>
  Effect.gen(function* () {
    const acquireToken = () =>
      Effect.flatMap(acquire, (credentials) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) =>
          (credentials.expiresAt ?? Infinity) <= now ? Effect.fail(expired) : Effect.succeed(tokenOf(credentials, now))
        )
      ).pipe(Effect.mapError(worded))
    const source = yield* Effect.provideServiceEffect(
      TokenSource.make({ key: "aws", acquireToken, forcedRefreshWindow, refreshWindow, timeout }),
      TokenStore.TokenStore,
      TokenStore.makeMemory
    )
    let last: { readonly generation: number; readonly credentials: Credentials } | undefined
    const credentials = ({ generation, token }: TokenSource.CachedToken): Credentials => {
      if (last?.generation !== generation) last = { generation, credentials: credentialsOf(token) }
      return last.credentials
    }
    return {
      get: Effect.map(source.get, credentials),
      onRejected: (accessKeyId) =>
        last?.credentials.accessKeyId === accessKeyId ? source.onRejected(last.generation) : Effect.succeed(true),
      honorsDeadline: true
    }
  })
