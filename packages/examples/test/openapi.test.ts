/** The client that `@tim-smart/openapi-gen` generates, on the pipeline. */
import * as MockClient from "@countersign/testing/MockClient"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as TestClock from "effect/TestClock"
import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import * as Client from "../src/openapi-client.js"
import * as OrdersApi from "./support/ordersApi.js"
import { config, expectShown, printed, root } from "./support/shownOutput.js"

const { respond } = MockClient
const sent = Effect.flatMap(MockClient.MockClient, (mock) => mock.sent)

const bearersOf = (requests: ReadonlyArray<MockClient.Sent>) => [
  ...new Set(requests.map(({ headers }) => headers["authorization"]))
]

const live = (options: OAuthServer.Options, script?: MockClient.Script) =>
  Layer.provideMerge(Client.OrdersLive, OrdersApi.layer(options, script))

it("generates orders.generated.ts from the OpenAPI document", async () => {
  const folder = join(root, "packages/examples")
  const tool = join(folder, "node_modules/@tim-smart/openapi-gen/main.js")
  const args = ["--spec", "src/orders.openapi.json", "--name", "Orders"]
  const { stdout } = await promisify(execFile)(process.execPath, [tool, ...args], { cwd: folder })
  expect(readFileSync(join(folder, "src/orders.generated.ts"), "utf8")).toBe(stdout)
})

describe("openapi-client.ts", () => {
  it.effect("requests one token for ten concurrent calls, and one more before it expires", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(printed(Client.program))
      yield* TestClock.adjust("49 seconds")
      const { tokenCalls } = yield* OAuthServer.OAuthServer
      expect([yield* tokenCalls, bearersOf(yield* sent).length]).toEqual([1, 1])
      yield* TestClock.adjust("1 second")
      expectShown("openapi-client.ts", yield* Fiber.join(fiber))
      // The calls at 50 seconds do not wait for the new token, which is requested in the background.
      expect(bearersOf(yield* sent)).toHaveLength(1)
      expect([yield* tokenCalls, bearersOf(yield* sent).length]).toEqual([2, 1])
      yield* TestClock.adjust("20 seconds")
      yield* Client.openOrders
      expect([yield* tokenCalls, bearersOf(yield* sent).length]).toEqual([2, 2])
    }).pipe(
      Effect.provide(live({ accessTokenLifetime: "60 seconds" })),
      config(OrdersApi.environment),
      // Without the random part of the window, which would delay the refresh by up to two seconds.
      Effect.withRandom(Random.fixed([0]))
    )
  )

  it.effect("replaces a revoked token once for ten concurrent calls", () =>
    Effect.gen(function* () {
      const { revokeAccessTokens, tokenCalls } = yield* OAuthServer.OAuthServer
      yield* Client.openOrders
      // A token that is rejected within five seconds may not be known to the API yet.
      yield* TestClock.adjust("1 minute")
      yield* revokeAccessTokens
      expect(yield* Client.openOrders).toHaveLength(10)
      expect(yield* tokenCalls).toBe(2)
    }).pipe(Effect.provide(live({})), config(OrdersApi.environment))
  )

  it.live("retries a broken connection, and reports the error of the last attempt", () =>
    Effect.gen(function* () {
      expect(yield* Client.order("42")).toEqual({ id: "42", item: "tea", status: "open" })
      expect(yield* Client.order("42")).toBe("try again later")
      expect((yield* sent).length).toBe(5)
    }).pipe(
      Effect.provide(
        live({}, [
          MockClient.fail("ECONNRESET"),
          respond(200, { id: "42", item: "tea", status: "open" }),
          ...[1, 2, 3].map(() => MockClient.fail("ECONNRESET"))
        ])
      ),
      config(OrdersApi.environment)
    )
  )

  it.effect("rejects an id that would lead out of the API", () =>
    Effect.gen(function* () {
      const orders = yield* Client.Orders
      const error = yield* Effect.flip(orders.getOrder("../../admin"))
      expect(error).toMatchObject({ _tag: "RequestError", cause: { _tag: "InvalidRequest", reason: "Url" } })
      expect(yield* sent).toEqual([])
    }).pipe(Effect.provide(live({})), config(OrdersApi.environment))
  )
})
