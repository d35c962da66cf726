/** Invalid token responses and ID tokens. */
import * as Dpop from "@countersign/auth/Dpop"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { MutableResponse } from "oauth2-mock-server"
import type { Case } from "../Case.js"
import { rejects, succeeds } from "../Case.js"
import { expectThat, expectTokenError } from "../Checks.js"
import * as MockServer from "../MockServer.js"
import { secret } from "../Provider.js"
import { startSignIn, signIn } from "../Session.js"

const grants = succeeds("grants", (client) =>
  Effect.gen(function* () {
    const options = yield* MockServer.make({})
    const { clientCredentials, refresh } = yield* client.conversation(options)
    const { scope } = yield* clientCredentials({ scope: "read" })
    yield* expectThat(scope === "read", "the requested scope is granted")
    const { claims, token } = yield* signIn(client, options)
    yield* expectThat(claims?.sub === "johndoe", "the ID token names the signed-in user")
    yield* expectThat(token.refreshToken !== undefined, "there is a refresh token")
    if (token.refreshToken !== undefined) yield* refresh(token.refreshToken)
    return "client credentials, a sign-in and a refresh"
  })
)

/** Expects a lifetime of an hour for a changed token response. */
const lifetime = (name: string, change: (body: Record<string, unknown>) => void): Case =>
  succeeds(name, (client) =>
    Effect.gen(function* () {
      const answer = ({ body }: MutableResponse) => void (body !== "" && change(body))
      const { clientCredentials } = yield* client.conversation(yield* MockServer.make({ answer }))
      const { expiresAt = 0 } = yield* clientCredentials({})
      const seconds = Math.round((expiresAt - (yield* Clock.currentTimeMillis)) / 1000)
      yield* expectThat(Math.abs(seconds - 3600) <= 5, `the token expires after 3600 seconds, not ${seconds}`)
      return "the token expires after an hour"
    })
  )

const lifetimes = [
  lifetime("answer/lifetime-as-text", (body) => (body["expires_in"] = "3600")),
  lifetime("answer/lifetime-in-the-token-only", (body) => delete body["expires_in"])
]

const withoutType = ({ body }: MutableResponse) => void (body !== "" && delete body["token_type"])

/** RFC 6749 §5.1 requires `token_type`. A server that leaves it out issues Bearer tokens. */
const bearerWithoutType = succeeds("answer/bearer-without-type", (client) =>
  Effect.gen(function* () {
    const { clientCredentials } = yield* client.conversation(yield* MockServer.make({ answer: withoutType }))
    const { tokenType } = yield* clientCredentials({})
    yield* expectThat(tokenType === "Bearer", `the token is Bearer, not ${tokenType}`)
    return "the token is Bearer"
  })
)

type Expected = Parameters<typeof expectTokenError>[1]

const invalid: Expected = { reason: "InvalidResponse" }

const answer = (name: string, expected: Expected, change: (response: MutableResponse) => void): Case =>
  rejects(name, (client) =>
    Effect.gen(function* () {
      const { clientCredentials } = yield* client.conversation(yield* MockServer.make({ answer: change }))
      return yield* expectTokenError(clientCredentials({}), expected)
    })
  )

const boundWithoutType = rejects("answer/without-type", (client) =>
  Effect.gen(function* () {
    const options = yield* MockServer.make({ answer: withoutType })
    const { clientCredentials } = yield* client.conversation({ ...options, dpop: yield* Dpop.generateKey })
    return yield* expectTokenError(clientCredentials({}), invalid)
  })
)

const refusing = (description: string) => (response: MutableResponse) => {
  response.statusCode = 400
  response.body = { error: "invalid_scope", error_description: description }
}

const answers = [
  answer("answer/without-token", invalid, ({ body }) => void (body !== "" && delete body["access_token"])),
  answer("answer/of-another-type", invalid, ({ body }) => void (body !== "" && (body["token_type"] = "mac"))),
  answer("answer/empty", { reason: "Unavailable" }, (response) => (response.body = "")),
  answer("answer/error-with-200", { reason: "Rejected", error: "invalid_scope" }, (response) => {
    response.body = { error: "invalid_scope" }
  }),
  answer("answer/busy", { reason: "Unavailable" }, (response) => {
    response.statusCode = 503
    response.body = { error: "temporarily_unavailable" }
  }),
  answer(
    "answer/secret-quoted",
    { reason: "Rejected", error: "invalid_scope", secrets: [secret] },
    refusing(`not for ${secret}`)
  ),
  // Characters that move a terminal's cursor, or start another line in a log.
  answer(
    "answer/control-characters",
    { reason: "Rejected", error: "invalid_scope", secrets: ["\u001b", "\n2026", "\u0007"] },
    refusing("\u001b[2J\n2026-01-01 all is well\u0007")
  )
]

const idToken = (name: string, spoil: NonNullable<MockServer.ResponseEdits["idToken"]>): Case =>
  rejects(name, (client) =>
    Effect.gen(function* () {
      const options = yield* MockServer.make({ idToken: spoil })
      const { callback, complete, transaction } = yield* startSignIn(client, options)
      return yield* expectTokenError(complete(transaction, callback), invalid)
    })
  )

const idTokens = [
  idToken("id-token/of-another-issuer", (claims) => (claims.iss = "https://evil.test")),
  idToken("id-token/for-another-client", (claims) => (claims["aud"] = "another")),
  idToken("id-token/of-another-sign-in", (claims) => (claims["nonce"] = "another")),
  idToken("id-token/expired", (claims) => (claims.exp = claims.iat - 60)),
  idToken("id-token/from-the-future", (claims) => (claims.nbf = claims.iat + 3600)),
  idToken("id-token/without-sub", (claims) => delete claims["sub"])
]

export const faults: ReadonlyArray<Case> = [
  grants,
  ...lifetimes,
  bearerWithoutType,
  boundWithoutType,
  ...answers,
  ...idTokens
]
