/** The program of the guide about fleets, on a PostgreSQL. */
import * as TokenStore from "@countersign/auth/TokenStore"
import * as EncryptedTokenStore from "@countersign/node/EncryptedTokenStore"
import * as EncryptionKey from "@countersign/node/EncryptionKey"
import * as SqlTokenStore from "@countersign/sql/SqlTokenStore"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as PostgresServer from "@countersign/testing/PostgresServer"
import * as TokenStoreContract from "@countersign/testing/TokenStoreContract"
import * as PgClient from "@effect/sql-pg/PgClient"
import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { randomBytes } from "node:crypto"
import * as Fleet from "../src/fleet.js"
import { config } from "./support/shownOutput.js"
import { signIn } from "./support/signIn.js"

const hasPostgres = Either.isRight(Effect.runSync(Effect.either(PostgresServer.available)))
const scope = Effect.runSync(Scope.make())
let server: PostgresServer.Service | undefined
beforeAll(async () => {
  const settings = { max_connections: "200" }
  if (hasPostgres) server = await Effect.runPromise(Scope.extend(PostgresServer.make({ settings }), scope))
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const url = Effect.suspend(() =>
  server === undefined ? Effect.dieMessage("no PostgreSQL") : Effect.succeed(server.url)
)
const clientOf = (address: string) => PgClient.layer({ url: Redacted.make(address) })
let tables = 0

TokenStoreContract.register({ describe: describe.skipIf(!hasPostgres), it }, "EncryptedTokenStore over SqlTokenStore", {
  place: Effect.gen(function* () {
    const address = yield* url
    const options = { table: `encrypted_${tables++}` }
    yield* Effect.provide(SqlTokenStore.migrate(options), clientOf(address))
    const key = yield* Effect.flatMap(EncryptionKey.generate, EncryptionKey.fromBase64)
    return { address, key, options }
  }),
  open: ({ address, key, options }) =>
    Effect.map(
      Layer.build(
        EncryptedTokenStore.layer({ storeId: "app", key }).pipe(
          Layer.provide(SqlTokenStore.layer(options)),
          Layer.provide(clientOf(address))
        )
      ),
      Context.get(TokenStore.TokenStore)
    ),
  isShared: true
})

describe.skipIf(!hasPostgres)("fleet.ts", () => {
  it.scopedLive("refreshes once for four machines, and stores no readable token", () =>
    Effect.gen(function* () {
      const address = yield* url
      const environment = config({
        CLIENT_SECRET: "secret",
        TOKEN_KEY: randomBytes(32).toString("base64"),
        DATABASE_URL: address
      })
      yield* environment(Fleet.migrate)
      const machine = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        environment(Effect.provide(effect, Layer.fresh(Fleet.ApiLive)))
      yield* machine(signIn)
      const responses = yield* Effect.all(
        Array.from({ length: 4 }, () => machine(Fleet.program)),
        { concurrency: "unbounded" }
      )
      for (const response of responses) expect(yield* response.json).toMatchObject({ ok: true })
      const oauth = yield* OAuthServer.OAuthServer
      expect([yield* oauth.refreshCalls, yield* oauth.revokedFamilies]).toEqual([1, 0])
      const rows = yield* Effect.provide(
        Effect.flatMap(PgClient.PgClient, (sql) => sql.unsafe("SELECT token FROM countersign_tokens")),
        clientOf(address)
      )
      expect(JSON.stringify(rows)).toContain("sealed/v1")
    }).pipe(Effect.provide(OAuthServer.layerMemory()))
  )
})
