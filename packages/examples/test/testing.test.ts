/** Tests of code that calls an API, as `docs/guides/testing.md` shows them. */
import * as Bearer from "@countersign/auth/Bearer"
import * as ApiClient from "@countersign/client/ApiClient"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as MockClient from "@countersign/testing/MockClient"
import * as Recorder from "@countersign/testing/Recorder"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

class Users extends ApiClient.Tag("app/Users")<Users>() {}

const UsersLive = Users.layer({
  baseUrl: "https://api.example.com/v1",
  auth: Bearer.make(Redacted.make("a-secret-token"))
})

const User = Schema.Struct({ id: Schema.String, name: Schema.String })

describe("routes", () => {
  // #region routes
  const server = MockClient.layer({
    "GET /v1/users": [MockClient.respond(503), MockClient.respond(200, [])],
    "GET /v1/users/:id": (_, { params }) => MockClient.respond(200, { id: params.id, name: "Ada" }),
    "POST /v1/users": ({ json }) => MockClient.respond(201, json)
  })

  it.effect("creates a user if the list has none", () =>
    Effect.gen(function* () {
      const api = yield* Users
      const mock = yield* MockClient.MockClient

      const list = yield* Effect.fork(api.get("/users"))
      yield* TestClock.adjust("1 second")
      expect(yield* (yield* Fiber.join(list)).json).toEqual([])
      yield* api.post("/users", { json: { id: "7", name: "Ada" } })
      expect(yield* api.get("/users/7", { schema: User })).toEqual({ id: "7", name: "Ada" })

      const sent = yield* mock.sent
      expect(sent.map(({ method, url }) => `${method} ${new URL(url).pathname}`)).toEqual([
        "GET /v1/users",
        "GET /v1/users",
        "POST /v1/users",
        "GET /v1/users/7"
      ])
      expect(sent[2]?.json).toEqual({ id: "7", name: "Ada" })
      yield* mock.assertDone
    }).pipe(Effect.provide(UsersLive), Effect.provide(server))
  )
  // #endregion
})

describe("time", () => {
  // #region time
  it.effect("retries a 503 after 25 ms, half of the base delay", () =>
    Effect.gen(function* () {
      const api = yield* Users
      const mock = yield* MockClient.MockClient
      const call = yield* Effect.fork(api.get("/users/7", { schema: User }))
      yield* TestClock.adjust("24 millis")
      expect(yield* mock.sent).toHaveLength(1)
      yield* TestClock.adjust("1 millis")
      expect(yield* Fiber.join(call)).toEqual({ id: "7", name: "Ada" })
    }).pipe(
      Effect.withRandom(Random.fixed([0.5])),
      Effect.provide(UsersLive),
      Effect.provide(MockClient.layer([MockClient.respond(503), MockClient.respond(200, { id: "7", name: "Ada" })]))
    )
  )

  it.effect("gives up after a second", () =>
    Effect.gen(function* () {
      const api = yield* Users
      const call = yield* Effect.fork(Effect.flip(api.get("/users/7", { timeout: "1 second" })))
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(call)).toMatchObject({ _tag: "Timeout", scope: "call" })
    }).pipe(Effect.provide(UsersLive), Effect.provide(MockClient.layer({ "GET /v1/users/:id": Effect.never })))
  )
  // #endregion
})

/** The message of a defect. */
const defectOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(Effect.sandbox(effect)), (cause) => String(Cause.squash(cause)))

describe("the guide", () => {
  const guide = readFileSync(new URL("../../../docs/guides/testing.md", import.meta.url), "utf8")

  it.effect("quotes the messages of MockClient", () =>
    Effect.gen(function* () {
      const api = yield* Users
      const mock = yield* MockClient.MockClient
      yield* api.get("/users/1")
      expect(guide).toContain(`${yield* defectOf(api.get("/orders?token=a-secret"))}\n`)
      expect(guide).toContain(`${yield* defectOf(mock.assertDone)}\n`)
    }).pipe(
      Effect.provide(UsersLive),
      Effect.provide(
        MockClient.layer({ "GET /v1/users/:id": MockClient.respond(200), "POST /v1/users": MockClient.respond(201) })
      )
    )
  )
})

describe("a recording", () => {
  // #region recorder
  const transport = Recorder.layer({
    file: fileURLToPath(new URL("recordings/users.json", import.meta.url)),
    mode: process.env["RECORD"] === "1" ? "record" : "replay"
  }).pipe(Layer.provide([NodeTransport.layer, NodeFileSystem.layer]))

  it.effect("reads a user", () =>
    Effect.gen(function* () {
      const api = yield* Users
      expect(yield* api.get("/users/7", { schema: User })).toEqual({ id: "7", name: "Ada" })
    }).pipe(Effect.provide(UsersLive), Effect.provide(transport))
  )
  // #endregion

  it.scoped("has the same text if it is recorded again, without the token", () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "countersign-recording-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true }))
      )
      const file = join(folder, "recordings", "users.json")
      const api = MockClient.layer({
        "GET /v1/users/:id": ({ headers }, { params }) =>
          MockClient.respond(
            200,
            { id: params.id, name: "Ada", seen: headers["authorization"] },
            { date: "Wed, 21 Oct 2026 07:28:00 GMT", "set-cookie": "sid=a-secret-cookie" }
          )
      })
      const recorder = Layer.provide(Recorder.layer({ file, mode: "record" }), [api, NodeFileSystem.layer])
      yield* Effect.flatMap(Users, (users) => users.get("/users/7")).pipe(
        Effect.provide(UsersLive),
        Effect.provide(recorder)
      )
      const text = readFileSync(file, "utf8")
      expect(text).toBe(readFileSync(new URL("recordings/users.json", import.meta.url), "utf8"))
      expect(text).not.toContain("a-secret")
    })
  )
})
