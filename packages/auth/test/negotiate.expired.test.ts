/** `Auth.negotiate` with schemes that say by other responses than a 401 that credentials have expired. */
import * as Basic from "@countersign/auth/Basic"
import * as Bearer from "@countersign/auth/Bearer"
import type * as TokenSource from "@countersign/auth/TokenSource"
import * as Auth from "@countersign/client/Auth"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { clientOf } from "./support/client.js"
import { scriptedTokens, source } from "./support/tokenSource.js"

const { respond } = MockClient

const account = { username: "ada", password: Redacted.make("canary-password") }

const saysExpired: Auth.ExpiredWhen = { status: [200, 400, 403], body: (text) => text.includes("expired") }

const bearerOf = (options: Partial<TokenSource.Options> = {}) =>
  Effect.gen(function* () {
    const { calls, mint } = scriptedTokens()
    return { calls, bearer: Bearer.fromSource(yield* source(mint, options)) }
  })

/** A server that wants Bearer below `/api/`, where the first token has expired, and Basic below `/admin/`. */
const serverOf = (expired: MockClient.Step) => (sent: MockClient.Sent) => {
  const field = sent.headers["authorization"]
  const isAdmin = sent.url.includes("/admin/")
  if (field === undefined)
    return respond(401, "", { "www-authenticate": isAdmin ? 'Basic realm="b"' : 'Bearer realm="a"' })
  return isAdmin || field === "Bearer canary-1" ? expired : respond(200, { ok: true })
}

const fieldsOf = (mock: { readonly sent: Effect.Effect<ReadonlyArray<MockClient.Sent>> }) =>
  Effect.map(mock.sent, (sent) => sent.map(({ headers }) => headers["authorization"]?.slice(0, 15)))

const json = { "content-type": "application/json" }

const expiries: ReadonlyArray<readonly [status: number, step: MockClient.Step]> = [
  [200, respond(200, '{"error":"expired"}', json)],
  [400, respond(400, "expired")],
  [403, respond(403, "expired")]
]

describe("Auth.negotiate", () => {
  it.scoped.each(expiries)("refreshes after a %s that the rule of the scheme names, and replays", ([, expired]) =>
    Effect.gen(function* () {
      const { bearer, calls } = yield* bearerOf({ expiredWhen: saysExpired })
      const { api, mock } = yield* clientOf(Auth.negotiate([Basic.make(account), bearer]), serverOf(expired))
      yield* api.get("/api/1")
      yield* api.get("/api/2")
      expect(calls).toHaveLength(2)
      expect(yield* fieldsOf(mock)).toEqual([undefined, "Bearer canary-1", "Bearer canary-2", "Bearer canary-2"])
    })
  )

  it.scoped("does not use the rule of a scheme for a request that another scheme signed, or none", () =>
    Effect.gen(function* () {
      const { bearer, calls } = yield* bearerOf({ expiredWhen: { status: 403 } })
      const { api, mock } = yield* clientOf(Auth.negotiate([Basic.make(account), bearer]), serverOf(respond(403, "no")))
      expect(yield* Effect.flip(api.get("/admin/1"))).toMatchObject({ _tag: "Forbidden" })
      expect(yield* mock.sent).toHaveLength(2)
      const open = yield* clientOf(Auth.negotiate([bearer]), () => respond(403, "no"))
      expect(yield* Effect.flip(open.api.get("/"))).toMatchObject({ _tag: "Forbidden" })
      expect(yield* open.mock.sent).toHaveLength(1)
      expect(calls).toHaveLength(0)
    })
  )

  it.scoped.each([401, 403])("stops after one refresh if the response stays a %s, as the scheme alone does", (status) =>
    Effect.gen(function* () {
      const { bearer, calls } = yield* bearerOf({ expiredWhen: { status: 403 } })
      const alone = yield* bearerOf({ expiredWhen: { status: 403 } })
      const single = yield* clientOf(alone.bearer, () => respond(status, "no"))
      yield* Effect.flip(single.api.get("/"))
      expect(alone.calls).toHaveLength(2)
      const { api, mock } = yield* clientOf(Auth.negotiate([bearer]), (sent) =>
        sent.headers["authorization"] === undefined
          ? respond(401, "", { "www-authenticate": "Bearer" })
          : respond(status, "no", { "www-authenticate": "Bearer" })
      )
      yield* Effect.flip(api.get("/"))
      expect(calls).toHaveLength(2)
      expect(yield* mock.sent).toHaveLength(3)
    })
  )

  it.scoped("uses the rule of `withExpired` on the result for all schemes, instead of theirs", () =>
    Effect.gen(function* () {
      const { bearer, calls } = yield* bearerOf({ expiredWhen: { status: 400 } })
      const auth = Auth.withExpired(Auth.negotiate([Basic.make(account), bearer]), { status: 403 })
      const first = yield* clientOf(auth, serverOf(respond(400, "no")))
      yield* Effect.flip(first.api.get("/api/1"))
      expect(calls).toHaveLength(1)
      const second = yield* clientOf(auth, serverOf(respond(403, "no")))
      yield* second.api.get("/api/1")
      expect(calls).toHaveLength(2)
    })
  )

  it.effect("lets the scheme that signed decide about a rate limit", () =>
    Effect.gen(function* () {
      let key = 1
      const rotating: Auth.Service = {
        sign: (request) =>
          Effect.sync(() => ({
            request: HttpClientRequest.setHeader(request, "authorization", `Key ${key}`),
            credential: key
          })),
        onRejected: () => Effect.sync(() => ++key > 1),
        onRateLimited: (credential) => (credential === 1 ? 0 : undefined),
        offer: () => ({ name: "Key", strength: 1 })
      }
      const { api, mock } = yield* clientOf(Auth.negotiate([rotating]), (sent) =>
        sent.headers["authorization"] === undefined
          ? respond(401, "", { "www-authenticate": "Key" })
          : respond(sent.headers["authorization"] === "Key 1" ? 429 : 200, {}, { "retry-after": "60" })
      )
      yield* api.get("/")
      expect(yield* fieldsOf(mock)).toEqual([undefined, "Key 1", "Key 2"])
    })
  )

  it.scoped("keeps a rejection while a thousand other requests get their responses", () =>
    Effect.gen(function* () {
      const { bearer, calls } = yield* bearerOf({ expiredWhen: { status: 400 } })
      const { api } = yield* clientOf(Auth.negotiate([bearer]), (sent) => {
        const field = sent.headers["authorization"]
        if (field === undefined) return respond(401, "", { "www-authenticate": "Bearer" })
        return field === "Bearer canary-1" && sent.url.endsWith("/first") ? respond(400, "x") : respond(200, {})
      })
      yield* api.get("/")
      yield* Effect.all(
        ["first", ...Array.from({ length: 1500 }, (_, n) => String(n))].map((path) => api.get(`/${path}`)),
        { concurrency: "unbounded", discard: true }
      )
      expect(calls).toHaveLength(2)
    })
  )
})
