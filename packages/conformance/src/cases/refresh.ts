/** Refresh token grant: rotation, concurrent calls, reuse and scopes. */
import type { TokenSourceError } from "@countersign/auth/Errors"
import type { HttpClient } from "@effect/platform/HttpClient"
import type { ApiError, InvalidResponse } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Case } from "../Case.js"
import { rejects, succeeds } from "../Case.js"
import { expectThat, expectTokenError, textOf } from "../Checks.js"
import type { Client } from "../Client.js"
import * as Provider from "../Provider.js"
import type { Session } from "../Session.js"
import { optionsOf, session, signIn } from "../Session.js"

const many = 50

/** A signed-in user with an expired access token. */
const returning = (client: Client) =>
  Effect.gen(function* () {
    const provider = yield* Provider.make({ configuration: { clients: [Provider.registered("web")] } })
    const options = optionsOf(provider)
    const done = yield* signIn(client, options)
    const first = done.token.refreshToken ?? Redacted.make("")
    const used = yield* session(client, options, done, { expired: true })
    const before = provider.asked("POST /token")
    return { ...used, provider, options, done, first, refreshes: () => provider.asked("POST /token") - before }
  })

/** Sends many requests at once. */
const burst = (
  api: Session["api"]
): Effect.Effect<
  ReadonlyArray<Either.Either<unknown, ApiError | TokenSourceError | InvalidResponse>>,
  never,
  HttpClient | Scope.Scope
> => Effect.forEach(Array.from({ length: many }), () => Effect.either(api.get("/me")), { concurrency: "unbounded" })

const rotation = succeeds("refresh/rotation", (client) =>
  Effect.gen(function* () {
    const { done, first, refreshes, source } = yield* returning(client)
    const one = yield* source.get
    yield* expectThat(textOf(one.token) !== textOf(done.token), "there is another access token")
    const second = one.token.refreshToken
    yield* expectThat(
      second !== undefined && Redacted.value(second) !== Redacted.value(first),
      "there is another refresh token"
    )
    yield* source.onRejected(one.generation)
    const two = yield* source.get
    yield* expectThat(textOf(two.token) !== textOf(one.token), "the second refresh token gives another access token")
    yield* expectThat(refreshes() === 2, "each refresh token is sent once")
    return "two refreshes, each with the refresh token of the previous response"
  })
)

const race = rejects("refresh/many-at-once", (client) =>
  Effect.gen(function* () {
    const { api, refreshes, source } = yield* returning(client)
    const answers = yield* burst(api)
    yield* expectThat(answers.every(Either.isRight), "all requests succeed")
    yield* expectThat(refreshes() === 1, `there is one refresh, not ${refreshes()}`)
    const { generation } = yield* source.get
    yield* source.onRejected(generation)
    yield* api.get("/me")
    return `${many} requests with a token that had expired, one refresh, and the token family is still valid`
  })
)

/** An attacker has copied the refresh token and uses it first. */
const reuse = rejects("refresh/reuse", (client) =>
  Effect.gen(function* () {
    const { api, first, options, refreshes, source } = yield* returning(client)
    const thief = yield* client.conversation(options)
    const loot = yield* thief.refresh(first)
    const observed = yield* expectTokenError(source.get, {
      reason: "ReauthorizationRequired",
      error: "invalid_grant",
      secrets: [Redacted.value(first)]
    })
    const answers = yield* burst(api)
    const reasons = answers.map((answer) =>
      Either.match(answer, {
        onLeft: (error) => (error._tag === "TokenError" ? error.reason : error._tag),
        onRight: () => "answered"
      })
    )
    yield* expectThat(
      reasons.every((reason) => reason === "ReauthorizationRequired"),
      `every request fails with ReauthorizationRequired, not ${[...new Set(reasons)].join(", ")}`
    )
    yield* expectThat(refreshes() === 2, `the invalid refresh token is sent once, not ${refreshes() - 1} times`)
    const family = loot.refreshToken ?? first
    yield* expectTokenError(thief.refresh(family), { reason: "ReauthorizationRequired", error: "invalid_grant" })
    return `${observed}; one refresh for ${many + 1} requests, and the attacker's token is invalid, too`
  })
)

const narrower = succeeds("refresh/narrower-scope", (client) =>
  Effect.gen(function* () {
    const { first, options } = yield* returning(client)
    const { refresh } = yield* client.conversation(options)
    const { scope } = yield* refresh(first, { scope: "openid" })
    yield* expectThat(scope === "openid", `the narrower scope is granted, not ${scope}`)
    return "a token with a narrower scope"
  })
)

const wider = rejects("refresh/wider-scope", (client) =>
  Effect.gen(function* () {
    const { first, options } = yield* returning(client)
    const { refresh } = yield* client.conversation(options)
    return yield* expectTokenError(refresh(first, { scope: "openid read write" }), {
      reason: "Rejected",
      error: "invalid_scope"
    })
  })
)

/** The client secret is wrong for a while. The user's grant stays valid. */
const wrongSecret = rejects("refresh/wrong-secret-or-dead-token", (client) =>
  Effect.gen(function* () {
    const { first, options } = yield* returning(client)
    const mistaken = yield* client.conversation({ ...options, clientSecret: Redacted.make("canary-wrong") })
    const expected = { reason: "Rejected", error: "invalid_client", secrets: ["canary"] } as const
    const wrong = yield* expectTokenError(mistaken.refresh(first), expected)
    const { refresh } = yield* client.conversation(options)
    yield* refresh(first)
    const dead = yield* expectTokenError(refresh(first), { reason: "ReauthorizationRequired", error: "invalid_grant" })
    return `wrong secret: ${wrong}; invalid refresh token: ${dead}`
  })
)

export const refresh: ReadonlyArray<Case> = [rotation, race, reuse, narrower, wider, wrongSecret]
