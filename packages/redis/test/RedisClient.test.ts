/** The client: its options, its checks of the server, and its end. */
import * as RedisClient from "@countersign/redis/RedisClient"
import * as RedisServer from "@countersign/testing/RedisServer"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import { Redis } from "ioredis"
import { inspect } from "node:util"
import { findings } from "../src/internal/connection/checks.js"
import { scoped, secret } from "./support/records.js"
import { command, hasRedis, serverOfFile } from "./support/server.js"

/** The messages that an effect logs. */
const logged = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
  const messages: Array<string> = []
  const logger = Logger.make(({ message }) => void messages.push(String(message)))
  return Effect.as(Effect.provide(effect, Logger.replace(Logger.defaultLogger, logger)), messages)
}

describe("RedisClient options", () => {
  const rejected: ReadonlyArray<
    readonly [name: string, options: RedisClient.Options, reason: string, message: string]
  > = [
    [
      "plain text to another host",
      { url: "redis://10.0.0.1" },
      "Insecure",
      "sends tokens to 10.0.0.1 as plain text. Use `rediss://`"
    ],
    [
      "plain text to a name that begins like loopback",
      { url: "redis://localhost.example.com" },
      "Insecure",
      "`dangerouslyPlainText`"
    ],
    ["plain text to 127.0.0.1 as a user", { url: "redis://127.0.0.1@example.com" }, "Insecure", "example.com"],
    [
      "TLS options for plain text",
      { url: "redis://127.0.0.1", tls: {} },
      "InvalidOptions",
      "`tls` needs a `rediss://` URL"
    ],
    ["an http URL", { url: `http://${secret}@127.0.0.1` }, "InvalidOptions", "`url` is invalid"],
    ["no URL", { url: secret }, "InvalidOptions", "`url` is invalid"],
    ["a path that is no database", { url: `redis://127.0.0.1/${secret}` }, "InvalidOptions", "`url` is invalid"],
    [
      "a password with a broken escape",
      { url: `redis://:%E0%A4${secret}@127.0.0.1` },
      "InvalidOptions",
      "`url` is invalid"
    ],
    [
      "an infinite timeout",
      { url: "redis://127.0.0.1", commandTimeout: Infinity },
      "InvalidOptions",
      "`commandTimeout` is Infinity"
    ],
    ["no time to connect", { url: "redis://127.0.0.1", connectTimeout: 0 }, "InvalidOptions", "`connectTimeout` is 0"]
  ]
  it.scoped.each(rejected.map(([name, options, reason, message]) => ({ name, options, reason, message })))(
    "rejects $name",
    ({ message, options, reason }) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(RedisClient.make(options))
        expect(error).toMatchObject({ _tag: "RedisClientError", reason, message: expect.stringContaining(message) })
        expect(inspect(error, { depth: 9 })).not.toContain(secret)
      })
  )

  it("rejects an unknown option", () => {
    const options: RedisClient.Options = Object.assign({ url: "redis://127.0.0.1" }, { pass: "x" })
    expect(() => Effect.runSync(Effect.scoped(RedisClient.make(options)))).toThrow(
      "`RedisClient` has no option `pass`. Did you mean `password`?"
    )
  })
})

describe("checks of a server", () => {
  const info = (version: string, policy: string) =>
    `# Server\r\nredis_version:${version}\r\nmaxmemory_policy:${policy}\r\n`
  it.each([
    ["7.0.15", "noeviction", { oldVersion: undefined, eviction: undefined }],
    ["6.2.14", "noeviction", { oldVersion: "6.2.14", eviction: undefined }],
    ["10.0.0", "volatile-lru", { oldVersion: undefined, eviction: "volatile-lru" }]
  ])("finds the problems of %s with %s", (version, policy, found) => {
    expect(findings(info(version, policy))).toEqual(found)
  })
  it("finds no problem in a response without the fields", () => {
    expect(findings("")).toEqual({ oldVersion: undefined, eviction: undefined })
  })
})

describe.skipIf(!hasRedis)("RedisClient", () => {
  const server = serverOfFile({ args: ["--requirepass", secret] })

  scoped("signs in with the password of the URL, of the option, and with a user", () =>
    Effect.gen(function* () {
      const { port, url } = server()
      const users: ReadonlyArray<RedisClient.Options> = [
        { url: Redacted.make(`redis://:${secret}@127.0.0.1:${port}/1`) },
        { url, password: Redacted.make(secret) },
        { url, username: "default", password: Redacted.make(secret) }
      ]
      for (const options of users) {
        const redis = yield* RedisClient.make(options)
        expect(yield* Effect.promise(() => redis.ping())).toBe("PONG")
      }
    })
  )

  scoped("rejects a missing and a wrong password", () =>
    Effect.gen(function* () {
      const { url } = server()
      const missing = yield* Effect.flip(RedisClient.make({ url }))
      expect(missing).toMatchObject({ reason: "Rejected", message: expect.stringContaining("NOAUTH") })
      const wrong = yield* Effect.flip(RedisClient.make({ url, password: Redacted.make("wrong-canary") }))
      expect(wrong.reason).toBe("Rejected")
      expect(inspect(wrong)).not.toContain("canary")
    })
  )

  scoped("closes the connection with its scope", () =>
    Effect.gen(function* () {
      const redis = yield* Effect.scoped(RedisClient.make({ url: server().url, password: Redacted.make(secret) }))
      expect(redis.status).toBe("end")
    })
  )

  scoped("closes the connection within its timeouts if the server hangs", () =>
    Effect.gen(function* () {
      const one = yield* RedisServer.make()
      const [took, redis] = yield* Effect.timed(
        Effect.scoped(Effect.tap(RedisClient.make({ url: one.url, commandTimeout: "200 millis" }), () => one.suspend))
      )
      expect(redis.status).toBe("end")
      expect(Duration.toMillis(took)).toBeLessThan(3_000)
    })
  )

  scoped("warns of an eviction policy", () =>
    Effect.gen(function* () {
      const evicting = yield* RedisServer.make({ args: ["--maxmemory-policy", "allkeys-lru"] })
      const messages = yield* logged(RedisClient.make({ url: evicting.url }))
      expect(messages).toEqual([
        expect.stringMatching(/^Redis may remove tokens.*`maxmemory-policy` is allkeys-lru\. Set/)
      ])
    })
  )

  scoped("starts with a warning while the server is down, and connects when it is up", () =>
    Effect.gen(function* () {
      const later = yield* RedisServer.make()
      yield* later.kill
      let redis: RedisClient.Client | undefined
      const messages = yield* logged(
        Effect.map(RedisClient.make({ url: later.url }), (made) => {
          redis = made
        })
      )
      expect(messages).toEqual([expect.stringMatching(/were not checked: no connection to the server/)])
      yield* later.restart
      yield* Effect.sleep("2 seconds")
      expect(yield* Effect.promise(async () => redis?.ping())).toBe("PONG")
    })
  )

  scoped("sends no command twice after a lost connection", () =>
    Effect.gen(function* () {
      const one = yield* RedisServer.make()
      const redis = yield* RedisClient.make({ url: one.url })
      yield* one.suspend
      const sent = redis.incr("count").then(
        () => "done",
        () => "failed"
      )
      yield* Effect.sleep("50 millis")
      const connection: unknown = Reflect.get(redis, "stream")
      // The connection ends while the server has the command and the client has no response.
      if (typeof connection === "object" && connection !== null) Reflect.get(connection, "destroy").call(connection)
      expect(yield* Effect.promise(() => sent)).toBe("failed")
      yield* one.resume
      yield* Effect.sleep("500 millis")
      expect(yield* command(one.port, "GET", "count")).toBe("1")
    })
  )

  scoped("takes a client of the application, warns of its options, and does not close it", () =>
    Effect.gen(function* () {
      const { port } = server()
      const unsafe = new Redis(port, "127.0.0.1", { password: secret }).on("error", () => undefined)
      const safe = new Redis(port, "127.0.0.1", { ...RedisClient.connectionOptions, password: secret })
      const used = (client: Redis) =>
        Effect.scoped(Effect.map(Layer.build(RedisClient.fromClient(client)), Context.get(RedisClient.RedisClient)))
      expect(yield* logged(used(safe))).toEqual([])
      expect(yield* logged(used(unsafe))).toEqual([
        expect.stringContaining("maxRetriesPerRequest, autoResendUnfulfilledCommands, commandTimeout. Make it with")
      ])
      expect([safe.status, unsafe.status]).toEqual(["ready", "ready"])
      safe.disconnect()
      unsafe.disconnect()
    })
  )
})
