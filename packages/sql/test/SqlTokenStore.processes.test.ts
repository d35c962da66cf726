/** Processes that share one account by PostgreSQL, at a server that revokes the tokens if a refresh token is reused. */
import * as Token from "@countersign/auth/Token"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as PostgresServer from "@countersign/testing/PostgresServer"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { createServer } from "node:http"
import { openStore } from "./support/openStore.js"
import { nextLine, run } from "./support/program.js"
import { hasBouncer, hasPostgres, migratedTable, ofFile, settings } from "./support/server.js"

const server = ofFile(PostgresServer.make({ settings }), hasPostgres)
const bouncer = ofFile(
  Effect.suspend(() => PostgresServer.pgbouncer(server())),
  hasBouncer
)

/** A strict authorization server with tokens of 40 ms. */
const authorizationServer = Effect.map(
  Layer.build(
    OAuthServer.layer({ accessTokenLifetime: "40 millis", expiresIn: "exact" }).pipe(
      Layer.provide(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }))
    )
  ),
  Context.get(OAuthServer.OAuthServer)
)

/** Lets processes share an account. Returns the refreshes, the revoked token families, and the errors of the processes. */
const share = (address: PostgresServer.Address, exclusion: string, mode: "fenced" | "unfenced", seconds: number) =>
  Effect.gen(function* () {
    const table = yield* migratedTable(server().url)
    const oauth = yield* authorizationServer
    const { refresh_token: refresh = "" } = yield* oauth.issueTokens({ clientId: "client" })
    const store = yield* openStore(address.url, { table })
    const expired = { ...Token.bearer(Redacted.make("none"), 0, 1), refreshToken: Redacted.make(refresh) }
    yield* store.compareAndSet("account", 0, expired)
    const args = [address.url, table, exclusion, oauth.issuer, mode, String(seconds)]
    const programs = yield* Effect.all(Array.from({ length: 4 }, () => run("shareAccount", ...args)))
    const errors = yield* Effect.forEach(programs, nextLine, { concurrency: "unbounded" })
    return { refreshes: yield* oauth.refreshCalls, revoked: yield* oauth.revokedFamilies, errors }
  })

describe.skipIf(!hasPostgres)("four processes that share an account", () => {
  const cases = [
    ["PostgreSQL with leases", server, "lease", hasPostgres],
    ["PostgreSQL with advisory locks", server, "advisory", hasPostgres],
    ["PgBouncer with leases", bouncer, "lease", hasBouncer]
  ] as const

  for (const [name, address, exclusion, isEnabled] of cases) {
    it.scopedLive.skipIf(!isEnabled)(`lose no token family on ${name}`, () =>
      Effect.gen(function* () {
        const { errors, refreshes, revoked } = yield* share(address(), exclusion, "fenced", 8)
        expect({ errors, revoked }).toEqual({ errors: ["", "", "", ""], revoked: 0 })
        expect(refreshes).toBeGreaterThanOrEqual(5)
      })
    )
  }

  it.scopedLive("lose their token family without lock and version", () =>
    Effect.gen(function* () {
      const { revoked } = yield* share(server(), "lease", "unfenced", 8)
      expect(revoked).toBeGreaterThan(0)
    })
  )
})
