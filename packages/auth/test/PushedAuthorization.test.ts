import * as Dpop from "@countersign/auth/Dpop"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { secret } from "./support/oauth.js"
import { allRenderings } from "./support/allRenderings.js"
import { answerOf, callbackOf, redirectUri, signingIn } from "./support/signIn.js"

const { respond } = MockClient

const reference = "urn:ietf:params:oauth:request_uri:canary-1"

const pushed = respond(201, { request_uri: reference, expires_in: 60 })

const formOf = (body: string | undefined) => Object.fromEntries(new URLSearchParams(body))

describe("Pushed authorization request", () => {
  it.effect.each<readonly [string, object, object]>([
    ["the caller sets `usePar`", { usePar: true }, {}],
    ["the server requires it", {}, { require_pushed_authorization_requests: true }]
  ])(
    "sends the parameters to the server with client authentication, and not to the browser, if %s",
    ([_, more, says]) =>
      Effect.gen(function* () {
        const { answering, start, complete, mock } = yield* signingIn(more, says)
        answering({ "/par": pushed })
        const transaction = yield* start({ login_hint: "ada" })
        const url = new URL(transaction.url)
        expect(Object.fromEntries(url.searchParams)).toEqual({ client_id: "client", request_uri: reference })
        const post = (yield* mock.sent).find(({ method }) => method === "POST")
        expect(post?.headers["authorization"]).toBe(`Basic ${btoa(`client:${secret.replace("-", "%2D")}`)}`)
        expect(formOf(post?.body)).toMatchObject({
          response_type: "code",
          redirect_uri: redirectUri,
          state: transaction.state,
          nonce: transaction.nonce,
          code_challenge_method: "S256",
          login_hint: "ada"
        })
        answering({ "/token": yield* answerOf(transaction.nonce) })
        expect((yield* complete(transaction, callbackOf(transaction))).claims?.sub).toBe("ada")
      })
  )

  it.effect("sends a DPoP proof for the code's key, and resends it with the server's nonce", () =>
    Effect.gen(function* () {
      const { answering, start, posts } = yield* signingIn({ usePar: true, dpop: yield* Dpop.generateKey })
      answering({ "/par": respond(400, { error: "use_dpop_nonce" }, { "dpop-nonce": "n" }) })
      yield* Effect.flip(start())
      expect(yield* posts).toEqual(["POST /par", "POST /par"])
    })
  )

  it.effect.each<readonly [string, MockClient.Step, object]>([
    ["an error", respond(400, { error: "invalid_request" }), { reason: "Rejected", error: "invalid_request" }],
    ["a wrong secret", respond(401, { error: "invalid_client" }), { reason: "Rejected", error: "invalid_client" }],
    ["no request_uri", respond(201, {}), { reason: "InvalidResponse" }],
    ["an HTML page", respond(201, "<html>", { "content-type": "text/html" }), { reason: "Unavailable" }],
    ["503", respond(503, "busy"), { reason: "Unavailable" }],
    ["a redirect", respond(302, "", { location: "https://evil.test" }), { reason: "Unavailable" }]
  ])("fails with a typed error, and returns no authorization URL, after %s", ([_, step, failure]) =>
    Effect.gen(function* () {
      const { answering, start, posts } = yield* signingIn({ usePar: true })
      answering({ "/par": step })
      const error = yield* Effect.flip(start())
      expect(error).toMatchObject({ _tag: "TokenError", ...failure })
      expect(allRenderings(error)).not.toContain("canary")
      expect(yield* posts).toEqual(["POST /par"])
    })
  )

  it.effect.each([undefined, `http://auth.test/par`, "https://u:p@auth.test/par"])(
    "rejects the pushed authorization endpoint %s, and sends nothing",
    (endpoint) =>
      Effect.gen(function* () {
        const { start, posts } = yield* signingIn({ usePar: true }, { pushed_authorization_request_endpoint: endpoint })
        expect(yield* Effect.flip(start())).toMatchObject({ reason: "InvalidResponse" })
        expect(yield* posts).toEqual([])
      })
  )
})
