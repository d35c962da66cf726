import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { conversation } from "./support/oauth.js"

/** 2001-09-09, in epoch seconds: what the clock of these tests is set to. */
const now = 1_000_000_000

const hour = 3600

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url")

const jwt = (claims: object) => `${part({ alg: "RS256" })}.${part(claims)}.AAAA`

/** How long the token of an answer is taken to live, in seconds. */
const lifeOf = (answer: object, serverAhead = 0) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(now * 1000)
    const date = new Date((now + serverAhead) * 1000).toUTCString()
    const { server } = yield* conversation([MockClient.respond(200, { token_type: "Bearer", ...answer }, { date })])
    const { expiresAt } = yield* server.clientCredentials({})
    return expiresAt === undefined ? undefined : expiresAt / 1000 - now
  })

describe("the life of an access token", () => {
  it.effect.each<readonly [string, object, number, number | undefined]>([
    ["is what the server says of it", { expires_in: 60, access_token: jwt({ exp: now + hour }) }, 0, 60],
    ["is what it says itself, where the server does not", { access_token: jwt({ exp: now + hour }) }, 0, hour],
    ["is that, too, where the server says 0", { expires_in: 0, access_token: jwt({ exp: now + hour }) }, 0, hour],
    ["counts by the server's clock, ahead", { access_token: jwt({ exp: now + 2 * hour }) }, hour, hour],
    ["counts by the server's clock, behind", { access_token: jwt({ exp: now }) }, -hour, hour],
    ["is not known where it would be over", { access_token: jwt({ exp: now }) }, 0, undefined],
    ["is not known where it is text", { access_token: jwt({ exp: String(now + hour) }) }, 0, undefined],
    ["is not known where the token does not say", { access_token: jwt({}) }, 0, undefined],
    ["is not known where the token is none of that kind", { access_token: "canary.canary.canary" }, 0, undefined],
    ["has an end, whatever it says", { access_token: jwt({ exp: 8e12 }) }, 0, 10 * 365 * 24 * hour]
  ])("%s", ([_, answer, ahead, life]) => Effect.map(lifeOf(answer, ahead), (found) => expect(found).toBe(life)))
})
