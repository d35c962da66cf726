/** Bad data and faults of the server: each error is typed, nothing is overwritten, and no message has an argument. */
import type { TokenStoreError } from "@countersign/auth/Errors"
import * as Token from "@countersign/auth/Token"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as RedisClient from "@countersign/redis/RedisClient"
import * as RedisTokenStore from "@countersign/redis/RedisTokenStore"
import { describe, expect, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { errorsOf, keyOf, scoped, secret, token } from "./support/records.js"
import { command, hasRedis, newPrefix, openStore, serverOfFile } from "./support/server.js"

describe.skipIf(!hasRedis)("RedisTokenStore with bad data", () => {
  const server = serverOfFile()
  const run = (...args: readonly [string, ...Array<string>]) => command(server().port, ...args)

  const bad: ReadonlyArray<
    readonly [
      name: string,
      commands: (key: string) => ReadonlyArray<readonly [string, ...Array<string>]>,
      reasons: ReadonlyArray<string>
    ]
  > = [
    ["a text", (key) => [["SET", key, secret]], Array(3).fill("UnsupportedFormat")],
    ["a list", (key) => [["RPUSH", key, secret]], Array(3).fill("UnsupportedFormat")],
    ["a hash of another program", (key) => [["HSET", key, "a", secret]], Array(3).fill("UnsupportedFormat")],
    ["a hash with an empty format", (key) => [["HSET", key, "f", "", "t", secret]], Array(3).fill("UnsupportedFormat")],
    [
      "another format",
      (key) => [["HSET", key, "f", secret, "v", "1", "t", secret]],
      Array(3).fill("UnsupportedFormat")
    ],
    [
      "a newer format",
      (key) => [["HSET", key, "f", "countersign/token/2", "v", "1"]],
      Array(3).fill("UnsupportedFormat")
    ],
    ["no version", (key) => [["HSET", key, "f", "countersign/token/1", "t", "{}"]], Array(3).fill("Corrupt")],
    [
      "a version that is text",
      (key) => [["HSET", key, "f", "countersign/token/1", "v", secret]],
      Array(3).fill("Corrupt")
    ],
    [
      "a version beyond safe integers",
      (key) => [["HSET", key, "f", "countersign/token/1", "v", "9007199254740993"]],
      Array(3).fill("Corrupt")
    ]
  ]

  it.live.each(bad.map(([name, commands, reasons]) => ({ name, commands, reasons })))(
    "fails for $name under the key, and leaves it as it is",
    ({ commands, reasons }) =>
      Effect.scoped(
        Effect.gen(function* () {
          const prefix = newPrefix()
          for (const one of commands(keyOf(prefix))) yield* run(...one)
          const before = yield* run("DUMP", keyOf(prefix))
          const store = yield* openStore(server().url, { prefix })
          expect(yield* errorsOf(store)).toEqual(reasons)
          expect(yield* run("DUMP", keyOf(prefix))).toBe(before)
        })
      )
  )

  scoped("fails with Corrupt for a token that is truncated at any byte", () =>
    Effect.gen(function* () {
      const prefix = newPrefix()
      const store = yield* openStore(server().url, { prefix })
      yield* store.compareAndSet("key", 0, token)
      const text = String(yield* run("HGET", keyOf(prefix), "t"))
      for (let length = 0; length < text.length; length++) {
        yield* run("HSET", keyOf(prefix), "t", text.slice(0, length))
        const error = yield* Effect.flip(store.get("key"))
        expect(error.reason).toBe("Corrupt")
        expect(error.message).not.toContain("s3cr3t")
      }
      yield* run("HSET", keyOf(prefix), "t", text)
      expect(Option.getOrThrow(yield* store.get("key"))).toEqual({ token, version: 1 })
    })
  )

  scoped("fails with Corrupt for a token that is too large, and does not read it", () =>
    Effect.gen(function* () {
      const prefix = newPrefix()
      const store = yield* openStore(server().url, { prefix })
      yield* run("HSET", keyOf(prefix), "f", "countersign/token/1", "v", "1", "t", "x".repeat(512 * 1024 + 1))
      expect(yield* Effect.flip(store.get("key"))).toMatchObject({
        reason: "Corrupt",
        message: expect.stringContaining("is larger than 524288 bytes")
      })
    })
  )

  scoped("fails with WriteFailed for a token that is too large, and writes nothing", () =>
    Effect.gen(function* () {
      const prefix = newPrefix()
      const store = yield* openStore(server().url, { prefix })
      for (const text of ["x".repeat(512 * 1024), "é".repeat(256 * 1024)]) {
        const large = Token.bearer(Redacted.make(text), 0)
        expect(yield* Effect.flip(store.compareAndSet("key", 0, large))).toMatchObject({ reason: "WriteFailed" })
      }
      expect(yield* run("EXISTS", keyOf(prefix))).toBe(0)
    })
  )

  scoped("reads and writes again after the scripts were flushed", () =>
    Effect.gen(function* () {
      const store = yield* openStore(server().url, { prefix: newPrefix() })
      yield* store.compareAndSet("key", 0, token)
      yield* run("SCRIPT", "FLUSH")
      expect(Option.map(yield* store.get("key"), ({ version }) => version)).toEqual(Option.some(1))
      yield* run("SCRIPT", "FLUSH")
      expect(Option.map(yield* store.compareAndSet("key", 1, token), ({ version }) => version)).toEqual(Option.some(2))
      yield* run("SCRIPT", "FLUSH")
      expect(yield* store.withLock("key")(Effect.succeed("held"))).toBe("held")
    })
  )

  scoped("returns None for an expected version that no record can have", () =>
    Effect.gen(function* () {
      const store = yield* openStore(server().url, { prefix: newPrefix() })
      for (const expected of [-1, 0.5, Number.NaN, 2 ** 53, 7]) {
        expect(yield* store.compareAndSet("key", expected, token)).toEqual(Option.none())
        expect(yield* store.remove("key", expected)).toBe(false)
      }
    })
  )

  const damages: ReadonlyArray<readonly [name: string, fields: ReadonlyArray<string>]> = [
    ["a truncated token", ["v", "1", "t", `{"accessToken":"${secret}`]],
    ["a token of another shape", ["v", "1", "t", '{"accessToken":1}']],
    ["a token that is too large", ["v", "1", "t", "x".repeat(512 * 1024 + 1)]],
    ["a version that is text", ["v", secret, "t", "{}"]],
    ["no version", ["t", "{}"]]
  ]
  it.live.each(damages.map(([name, fields]) => ({ name, fields })))(
    "moves a record with $name aside, and writes the next one under a later version",
    ({ fields }) =>
      Effect.scoped(
        Effect.gen(function* () {
          const prefix = newPrefix()
          const store = yield* openStore(server().url, { prefix })
          yield* run("HSET", keyOf(prefix), "f", "countersign/token/1", ...fields)
          const before = yield* run("HGETALL", keyOf(prefix))
          const place = Option.getOrThrow(yield* store.quarantine?.("key") ?? Effect.succeedNone)
          expect(place).toMatch(/:corrupt:[\w-]{12}$/)
          expect(yield* run("HGETALL", place)).toEqual(before)
          expect(yield* store.get("key")).toEqual(Option.none())
          const stored = Option.getOrThrow(yield* store.compareAndSet("key", 0, token))
          expect(stored.version).toBeGreaterThan(1_000_000_000_000)
          expect(yield* store.get("key")).toEqual(Option.some(stored))
        })
      )
  )

  it.live.each([
    ["truncated", (text: string) => text.slice(0, -9)],
    ["changed in one byte", (text: string) => text.replace("{", "[")],
    ["emptied", () => ""],
    ["replaced", () => '{"accessToken":1}']
  ] as const)("changes no token that another program has %s after this process has read or written it", ([, damage]) =>
    Effect.scoped(
      Effect.gen(function* () {
        const prefix = newPrefix()
        const [writer, reader] = yield* Effect.all([
          openStore(server().url, { prefix }),
          openStore(server().url, { prefix })
        ])
        yield* writer.compareAndSet("key", 0, token)
        yield* reader.get("key")
        yield* run("HSET", keyOf(prefix), "t", damage(String(yield* run("HGET", keyOf(prefix), "t"))))
        const before = yield* run("HGETALL", keyOf(prefix))
        for (const store of [writer, reader]) {
          for (const read of [false, true]) {
            if (read) expect(yield* Effect.flip(store.get("key"))).toMatchObject({ reason: "Corrupt" })
            expect(yield* store.compareAndSet("key", 1, token)).toEqual(Option.none())
            expect(yield* store.remove("key", 1)).toBe(false)
          }
        }
        expect(yield* run("HGETALL", keyOf(prefix))).toEqual(before)
      })
    )
  )

  scoped("writes over a token that another program has replaced, once it has read that one", () =>
    Effect.gen(function* () {
      const prefix = newPrefix()
      const store = yield* openStore(server().url, { prefix })
      yield* store.compareAndSet("key", 0, token)
      yield* run("HSET", keyOf(prefix), "t", '{"accessToken":"other","tokenType":"Bearer","receivedAt":1}')
      expect(yield* store.compareAndSet("key", 1, token)).toEqual(Option.none())
      expect(Option.map(yield* store.get("key"), ({ version }) => version)).toEqual(Option.some(1))
      expect(Option.map(yield* store.compareAndSet("key", 1, token), ({ version }) => version)).toEqual(Option.some(2))
      expect(yield* store.remove("key", 2)).toBe(true)
    })
  )

  scoped("moves nothing aside that is whole, missing, or of another format", () =>
    Effect.gen(function* () {
      const prefix = newPrefix()
      const store = yield* openStore(server().url, { prefix })
      const quarantine = Effect.suspend(() => store.quarantine?.("key") ?? Effect.dieMessage("there is no quarantine"))
      expect(yield* quarantine).toEqual(Option.none())
      yield* store.compareAndSet("key", 0, token)
      expect(yield* quarantine).toEqual(Option.none())
      yield* run("HSET", keyOf(prefix), "f", "other/1")
      expect(yield* quarantine).toEqual(Option.none())
      yield* run("DEL", keyOf(prefix))
      yield* run("SET", keyOf(prefix), secret)
      expect(yield* Effect.either(quarantine)).toMatchObject({ _tag: "Left", left: { reason: "UnsupportedFormat" } })
      expect(yield* run("KEYS", `${prefix}*`)).toEqual([keyOf(prefix)])
    })
  )

  scoped("protects a new session from a process that has a version of a session that Redis has lost", () =>
    Effect.gen(function* () {
      const prefix = newPrefix()
      const [old, other] = yield* Effect.all([openStore(server().url, { prefix }), openStore(server().url, { prefix })])
      yield* old.compareAndSet("key", 0, token)
      yield* old.compareAndSet("key", 1, token)
      yield* run("DEL", keyOf(prefix))
      yield* other.compareAndSet("key", 0, token)
      yield* other.compareAndSet("key", 1, token)
      expect(yield* old.compareAndSet("key", 2, token)).toEqual(Option.none())
      expect(yield* old.remove("key", 2)).toBe(false)
      expect(Option.map(yield* other.compareAndSet("key", 2, token), ({ version }) => version)).toEqual(Option.some(3))
      // After a read, the version is that of the new record.
      yield* old.get("key")
      expect(Option.map(yield* old.compareAndSet("key", 3, token), ({ version }) => version)).toEqual(Option.some(4))
      expect(yield* old.remove("key", 4)).toBe(true)
    })
  )

  scoped("continues after a removal by another process", () =>
    Effect.gen(function* () {
      const prefix = newPrefix()
      const [first, other] = yield* Effect.all([
        openStore(server().url, { prefix }),
        openStore(server().url, { prefix })
      ])
      yield* first.compareAndSet("key", 0, token)
      yield* other.remove("key", 1)
      yield* other.compareAndSet("key", 0, token)
      expect(Option.map(yield* first.get("key"), ({ version }) => version)).toEqual(Option.some(2))
      expect(Option.isSome(yield* first.compareAndSet("key", 2, token))).toBe(true)
    })
  )

  scoped("rejects invalid options", () =>
    Effect.gen(function* () {
      const invalid: ReadonlyArray<readonly [RedisTokenStore.Options, string]> = [
        [{ prefix: "a{b}:" }, '`prefix` is "a{b}:". Set one without braces'],
        [{ replicas: -1 }, "`replicas` is -1"],
        [{ replicas: 0.5 }, "`replicas` is 0.5"],
        [{ replicasTimeout: 0 }, "`replicasTimeout` is 0. Set a positive duration"],
        [{ replicasTimeout: Infinity }, "`replicasTimeout` is Infinity"],
        [
          { replicasTimeout: "3 seconds" },
          "`replicasTimeout` is 3s. Set a positive duration below the `commandTimeout`"
        ]
      ]
      for (const [options, message] of invalid) {
        const error = (yield* Effect.flip(openStore(server().url, options))) as TokenStoreError
        expect(error).toMatchObject({ reason: "WriteFailed", message: expect.stringContaining(message) })
      }
    })
  )

  scoped("builds its Layer from the configuration", () =>
    Effect.gen(function* () {
      const prefix = newPrefix()
      const layer = RedisTokenStore.layerConfig({ prefix: Config.string("PREFIX") }).pipe(
        Layer.provide(RedisClient.layerConfig({ url: Config.redacted("URL") })),
        Layer.provide(
          Layer.setConfigProvider(
            ConfigProvider.fromMap(
              new Map([
                ["PREFIX", prefix],
                ["URL", server().url]
              ])
            )
          )
        )
      )
      const store = Context.get(yield* Layer.build(layer), TokenStore.TokenStore)
      yield* store.compareAndSet("key", 0, token)
      expect(yield* run("HGET", keyOf(prefix), "v")).toBe("1")
    })
  )
})
