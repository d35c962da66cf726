/** `Auth.negotiate` with the schemes of this package. */
import * as Basic from "@countersign/auth/Basic"
import * as Bearer from "@countersign/auth/Bearer"
import * as Digest from "@countersign/auth/Digest"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as Auth from "@countersign/client/Auth"
import type { SchemeDowngraded } from "@countersign/client/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { allRenderings } from "./support/allRenderings.js"
import { clientOf } from "./support/client.js"
import { DigestServer } from "./support/digestServer.js"
import { key, scriptedTokens } from "./support/tokenSource.js"

const account = { username: "ada", password: Redacted.make("canary-password") }
const digest = Digest.make(account)
const basic = Basic.make(account)
const bearer = Bearer.make(Redacted.make("canary-token"))

const challenges = {
  basic: 'Basic realm="r"',
  bearer: 'Bearer realm="r"',
  md5: 'Digest realm="r", nonce="m", qop="auth", algorithm=MD5',
  sha256: 'Digest realm="r", nonce="s", qop="auth", algorithm=SHA-256'
}

type Offered = keyof typeof challenges

/** A server that sends these challenges, and accepts every credential. */
const serverOf = (fields: string | ReadonlyArray<string>) => (sent: MockClient.Sent) =>
  sent.headers["authorization"] === undefined
    ? MockClient.respond(401, "", { "www-authenticate": fields })
    : MockClient.respond(200, {})

const sentSchemes = (mock: { readonly sent: Effect.Effect<ReadonlyArray<MockClient.Sent>> }) =>
  Effect.map(mock.sent, (sent) => sent.map(({ headers }) => headers["authorization"]?.split(" ")[0]))

const orders: ReadonlyArray<readonly [offered: ReadonlyArray<Offered>, expected: string]> = [
  [["basic"], "Basic"],
  [["basic", "sha256"], "Digest"],
  [["sha256", "basic"], "Digest"],
  [["md5", "basic"], "Basic"],
  [["bearer", "sha256", "basic"], "Bearer"],
  [["basic", "md5", "bearer"], "Bearer"]
]

describe("Auth.negotiate", () => {
  it.effect.each(orders)(
    "answers %j with %s, in one field or in several, whatever its own order",
    ([offered, expected]) =>
      Effect.gen(function* () {
        const fields = offered.map((name) => challenges[name])
        for (const schemes of [[digest, basic, bearer] as const, [bearer, basic, digest] as const]) {
          for (const field of [fields, fields.join(", ")]) {
            const { api, mock } = yield* clientOf(Auth.negotiate(schemes), serverOf(field))
            yield* api.get("/a/1")
            yield* api.get("/a/2")
            expect(yield* sentSchemes(mock)).toEqual([undefined, expected, expected])
          }
        }
      })
  )

  it.effect("sends one request without credentials for 100 concurrent calls", () =>
    Effect.gen(function* () {
      const server = new DigestServer()
      const { api } = yield* clientOf(Auth.negotiate([basic, Digest.make(account)]), server.script)
      yield* Effect.all(
        Array.from({ length: 100 }, (_, n) => api.get(`/${n}`)),
        { concurrency: "unbounded", discard: true }
      )
      expect(server.statuses.filter((status) => status === 401)).toHaveLength(1)
    })
  )

  it.effect("uses another scheme for another folder and realm, and remembers both", () =>
    Effect.gen(function* () {
      const { api, mock } = yield* clientOf(Auth.negotiate([Digest.make(account), basic]), (sent) => {
        const isAdmin = sent.url.includes("/admin/")
        const field = isAdmin ? 'Basic realm="admin"' : challenges.sha256
        const isRight = sent.headers["authorization"]?.startsWith(isAdmin ? "Basic" : "Digest")
        return isRight === true
          ? MockClient.respond(200, {})
          : MockClient.respond(401, "", { "www-authenticate": field })
      })
      for (const path of ["/api/1", "/admin/1", "/api/2", "/admin/2", "/api/x/3"]) yield* api.get(path)
      expect(yield* sentSchemes(mock)).toEqual([undefined, "Digest", undefined, "Basic", "Digest", "Basic", "Digest"])
    })
  )

  it.effect("fails with SchemeDowngraded when the server offers a weaker scheme only, and sends no password", () =>
    Effect.gen(function* () {
      const server = new DigestServer({ uses: 1 })
      for (const attack of ['Basic realm="api"', 'Basic realm="other"']) {
        const { api, mock } = yield* clientOf(Auth.negotiate([Digest.make(account), basic]), (sent, index) =>
          index < 2 ? server.script(sent) : MockClient.respond(401, "", { "www-authenticate": attack })
        )
        yield* api.get("/a")
        const error = yield* Effect.flip(api.get("/b"))
        expect(error).toMatchObject({ _tag: "SchemeDowngraded", accepted: "Digest SHA-256", offered: "Basic" })
        expect(allRenderings(error)).not.toContain("canary")
        expect((yield* sentSchemes(mock)).slice(2)).toEqual(["Digest"])
      }
    })
  )

  it.effect("keeps the pin when a challenge of the same strength has another realm", () =>
    Effect.gen(function* () {
      const attacks = ['Digest realm="evil", nonce="n", qop="auth", algorithm=SHA-256', 'Basic realm="other"']
      const server = new DigestServer()
      const { api, mock } = yield* clientOf(Auth.negotiate([Digest.make(account), basic]), (sent, index) =>
        index < 2 ? server.script(sent) : MockClient.respond(401, "", { "www-authenticate": attacks[index - 2] ?? "" })
      )
      yield* api.get("/a")
      expect(yield* Effect.flip(api.get("/b"))).toMatchObject({ _tag: "SchemeDowngraded", offered: "Basic" })
      expect(yield* sentSchemes(mock)).not.toContain("Basic")
    })
  )

  it.effect("changes to a stronger scheme that the server offers later", () =>
    Effect.gen(function* () {
      let field = challenges.basic
      const { api, mock } = yield* clientOf(Auth.negotiate([Digest.make(account), basic]), (sent) => {
        const isRight = sent.headers["authorization"]?.startsWith(field.split(" ")[0] ?? "")
        return isRight === true
          ? MockClient.respond(200, {})
          : MockClient.respond(401, "", { "www-authenticate": field })
      })
      yield* api.get("/a")
      field = challenges.sha256
      yield* api.get("/b")
      expect(yield* sentSchemes(mock)).toEqual([undefined, "Basic", "Basic", "Digest"])
    })
  )

  it.effect("fails with Unauthorized if no scheme can answer, and for a wrong password", () =>
    Effect.gen(function* () {
      const unknown = yield* clientOf(Auth.negotiate([digest, basic]), () =>
        MockClient.respond(401, "", { "www-authenticate": "Negotiate" })
      )
      expect(yield* Effect.flip(unknown.api.get("/"))).toMatchObject({ _tag: "Unauthorized" })
      expect(yield* unknown.mock.sent).toHaveLength(1)
      const wrong = yield* clientOf(Auth.negotiate([digest, basic]), () =>
        MockClient.respond(401, "", { "www-authenticate": challenges.basic })
      )
      expect(yield* Effect.flip(wrong.api.get("/"))).toMatchObject({ _tag: "Unauthorized" })
      expect(yield* wrong.mock.sent).toHaveLength(2)
    })
  )

  it.effect("lets a token source refresh once after a 401, and stops when the new token is rejected too", () =>
    Effect.gen(function* () {
      const { calls, mint } = scriptedTokens()
      const source = yield* TokenSource.make({ key, acquireToken: mint, propagationDelay: 0 }).pipe(
        Effect.provideServiceEffect(TokenStore.TokenStore, TokenStore.makeMemory)
      )
      let accepted = "Bearer canary-1"
      const { api, mock } = yield* clientOf(Auth.negotiate([basic, Bearer.fromSource(source)]), (sent) =>
        sent.headers["authorization"] === accepted
          ? MockClient.respond(200, {})
          : MockClient.respond(401, "", { "www-authenticate": challenges.bearer })
      )
      yield* api.get("/")
      accepted = "Bearer canary-2"
      yield* api.get("/")
      expect(calls).toHaveLength(2)
      expect(yield* mock.sent).toHaveLength(4)
      accepted = "none"
      expect(yield* Effect.flip(api.get("/"))).toMatchObject({ _tag: "Unauthorized" })
      expect(calls).toHaveLength(3)
    }).pipe(Effect.scoped)
  )

  it("fails with the errors of its schemes, and with SchemeDowngraded", () => {
    expectTypeOf(Auth.negotiate([basic])).toEqualTypeOf<Auth.Service<SchemeDowngraded>>()
    expectTypeOf(Auth.negotiate([basic, digest])).toEqualTypeOf<Auth.Service<Digest.DigestError>>()
    const both = (source: Auth.Service<TokenSourceError>) => Auth.negotiate([source, digest])
    expectTypeOf(both).returns.toEqualTypeOf<Auth.Service<TokenSourceError | Digest.DigestError>>()
    // @ts-expect-error -- a list without schemes answers nothing
    Auth.negotiate([])
  })
})
