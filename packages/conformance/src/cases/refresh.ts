/** Tokens that end, and what renews them: once, however many ask. */
import type { HttpClient } from "@effect/platform/HttpClient"
import type { ApiError, InvalidResponse } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Case } from "../Case.js"
import { attack, works } from "../Case.js"
import { holds, refused, textOf } from "../Checks.js"
import type { Client } from "../Client.js"
import * as Provider from "../Provider.js"
import type { Session } from "../Session.js"
import { optionsOf, session, signedIn } from "../Session.js"

const many = 50

/** Somebody who signed in a while ago: the access token has expired. */
const returning = (client: Client) =>
  Effect.gen(function* () {
    const provider = yield* Provider.make({ configuration: { clients: [Provider.registered("web")] } })
    const options = optionsOf(provider)
    const done = yield* signedIn(client, options)
    const first = done.token.refreshToken ?? Redacted.make("")
    const used = yield* session(client, options, done, { expired: true })
    const before = provider.asked("POST /token")
    return { ...used, provider, options, done, first, refreshes: () => provider.asked("POST /token") - before }
  })

/** As many requests at once as there are in a busy moment. */
const burst = (
  api: Session["api"]
): Effect.Effect<ReadonlyArray<Either.Either<unknown, ApiError | InvalidResponse>>, never, HttpClient | Scope.Scope> =>
  Effect.forEach(Array.from({ length: many }), () => Effect.either(api.get("/me")), { concurrency: "unbounded" })

const rotation = works("refresh/rotation", (client) =>
  Effect.gen(function* () {
    const { done, first, refreshes, source } = yield* returning(client)
    const one = yield* source.get
    yield* holds(textOf(one.token) !== textOf(done.token), "there is another access token")
    const second = one.token.refreshToken
    yield* holds(second !== undefined && Redacted.value(second) !== Redacted.value(first), "and another refresh token")
    yield* source.renew(one.generation)
    const two = yield* source.get
    yield* holds(textOf(two.token) !== textOf(one.token), "that is good for the next one")
    yield* holds(refreshes() === 2, "each refresh token is sent once")
    return "two refreshes, each with the refresh token of the one before"
  })
)

const race = attack("refresh/many-at-once", (client) =>
  Effect.gen(function* () {
    const { api, refreshes, source } = yield* returning(client)
    const answers = yield* burst(api)
    yield* holds(answers.every(Either.isRight), "all requests are answered")
    yield* holds(refreshes() === 1, `there is one refresh, not ${refreshes()}`)
    const { generation } = yield* source.get
    yield* source.renew(generation)
    yield* api.get("/me")
    return `${many} requests with a token that had expired, one refresh, and the family lives on`
  })
)

/** Somebody has copied the refresh token, and is faster. */
const reuse = attack("refresh/reuse", (client) =>
  Effect.gen(function* () {
    const { api, first, options, refreshes, source } = yield* returning(client)
    const thief = yield* client.conversation(options)
    const loot = yield* thief.refresh(first)
    const observed = yield* refused(source.get, {
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
    yield* holds(
      reasons.every((reason) => reason === "ReauthorizationRequired"),
      `every request says to sign in again, not ${[...new Set(reasons)].join(", ")}`
    )
    yield* holds(refreshes() === 2, `the dead refresh token is sent once, not ${refreshes() - 1} times`)
    const family = loot.refreshToken ?? first
    yield* refused(thief.refresh(family), { reason: "ReauthorizationRequired", error: "invalid_grant" })
    return `${observed}; asked once for ${many + 1} requests, and the thief's token is dead, too`
  })
)

const narrower = works("refresh/narrower-scope", (client) =>
  Effect.gen(function* () {
    const { first, options } = yield* returning(client)
    const { refresh } = yield* client.conversation(options)
    const { scope } = yield* refresh(first, { scope: "openid" })
    yield* holds(scope === "openid", `what was narrowed is narrow, not ${scope}`)
    return "a token with less than was granted"
  })
)

const wider = attack("refresh/wider-scope", (client) =>
  Effect.gen(function* () {
    const { first, options } = yield* returning(client)
    const { refresh } = yield* client.conversation(options)
    return yield* refused(refresh(first, { scope: "openid read write" }), {
      reason: "Rejected",
      error: "invalid_scope"
    })
  })
)

/** The client's own credential is wrong for a while: what somebody has granted is not lost by that. */
const wrongSecret = attack("refresh/wrong-secret-or-dead-token", (client) =>
  Effect.gen(function* () {
    const { first, options } = yield* returning(client)
    const mistaken = yield* client.conversation({ ...options, clientSecret: Redacted.make("canary-wrong") })
    const expected = { reason: "Rejected", error: "invalid_client", secrets: ["canary"] } as const
    const wrong = yield* refused(mistaken.refresh(first), expected)
    const { refresh } = yield* client.conversation(options)
    yield* refresh(first)
    const dead = yield* refused(refresh(first), { reason: "ReauthorizationRequired", error: "invalid_grant" })
    return `the wrong secret: ${wrong}; the dead token: ${dead}`
  })
)

export const refresh: ReadonlyArray<Case> = [rotation, race, reuse, narrower, wider, wrongSecret]
