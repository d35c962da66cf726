import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { conversation } from "./support/oauth.js"

/** 2001-09-09 in epoch seconds, the time of the test clock. */
const now = 1_000_000_000

const hour = 3600

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url")

const jwt = (claims: object) => `${part({ alg: "RS256" })}.${part(claims)}.AAAA`

/** The lifetime in seconds of the token in a response. */
const lifeOf = (answer: object, serverAhead = 0) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(now * 1000)
    const date = new Date((now + serverAhead) * 1000).toUTCString()
    const { server } = yield* conversation([MockClient.respond(200, { token_type: "Bearer", ...answer }, { date })])
    const { expiresAt } = yield* server.clientCredentials({})
    return expiresAt === undefined ? undefined : expiresAt / 1000 - now
  })

describe("expiresAt of an access token", () => {
  it.effect.each<readonly [string, object, number, number | undefined]>([
    ["uses expires_in rather than the token's exp", { expires_in: 60, access_token: jwt({ exp: now + hour }) }, 0, 60],
    ["uses the token's exp when expires_in is missing", { access_token: jwt({ exp: now + hour }) }, 0, hour],
    ["uses the token's exp when expires_in is 0", { expires_in: 0, access_token: jwt({ exp: now + hour }) }, 0, hour],
    ["reads exp by a server clock that is ahead", { access_token: jwt({ exp: now + 2 * hour }) }, hour, hour],
    ["reads exp by a server clock that is behind", { access_token: jwt({ exp: now }) }, -hour, hour],
    ["leaves expiresAt undefined when exp has passed", { access_token: jwt({ exp: now }) }, 0, undefined],
    [
      "leaves expiresAt undefined when exp is a string",
      { access_token: jwt({ exp: String(now + hour) }) },
      0,
      undefined
    ],
    ["leaves expiresAt undefined when the token has no exp", { access_token: jwt({}) }, 0, undefined],
    ["leaves expiresAt undefined when the token is no JWT", { access_token: "canary.canary.canary" }, 0, undefined],
    ["limits the lifetime to ten years", { access_token: jwt({ exp: 8e12 }) }, 0, 10 * 365 * 24 * hour]
  ])("%s", ([_, answer, ahead, life]) => Effect.map(lifeOf(answer, ahead), (found) => expect(found).toBe(life)))
})
