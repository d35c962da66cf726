import * as CookieJar from "@countersign/client/CookieJar"
import * as PlatformError from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { inspect } from "node:util"

const url = "https://api.example.com/v1/x"

const systemError = (description: string) =>
  new PlatformError.SystemError({ reason: "PermissionDenied", module: "KeyValueStore", method: "set", description })

/** A key-value store that records each written value. */
const store = (
  content?: string,
  set: (value: string) => Effect.Effect<void, PlatformError.PlatformError> = () => Effect.void
) => {
  const written: Array<string> = []
  let current = content
  const service = KeyValueStore.makeStringOnly({
    get: () => Effect.sync(() => Option.fromNullable(current)),
    set: (_, value) =>
      Effect.map(set(value), () => {
        current = value
        written.push(value)
      }),
    remove: () => Effect.void,
    clear: Effect.void,
    size: Effect.succeed(1)
  })
  return { written, content: () => current, layer: Layer.succeed(KeyValueStore.KeyValueStore, service) }
}

type Store = ReturnType<typeof store>

/** Runs `use` with a persistent jar over the store. The jar is closed afterwards. */
const withJar = <A, E>(
  backing: Pick<Store, "layer">,
  use: (jar: CookieJar.Service) => Effect.Effect<A, E>,
  options: CookieJar.PersistentOptions = {}
) =>
  Effect.flatMap(CookieJar.CookieJar, use).pipe(
    Effect.provide(Layer.provide(CookieJar.layerPersistent(options), backing.layer))
  )

/** Runs an effect and returns its log lines too. */
const captureLogs = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const logger = Logger.make(({ cause, logLevel, message }) => {
      lines.push(`${logLevel.label} ${String(message)}${Cause.isEmpty(cause) ? "" : Cause.pretty(cause)}`)
    })
    return Effect.map(Effect.provide(effect, Logger.replace(Logger.defaultLogger, logger)), (value) => ({
      value,
      lines
    }))
  })

const serializedJar = (...cookies: ReadonlyArray<Record<string, unknown>>) =>
  JSON.stringify({
    version: 1,
    cookies: cookies.map((cookie, created) => ({
      name: "a",
      value: "1",
      domain: "api.example.com",
      hostOnly: true,
      path: "/",
      secure: false,
      httpOnly: false,
      expires: null,
      created,
      ...cookie
    }))
  })

describe("CookieJar.makePersistent", () => {
  it.effect("restores the cookies of the previous jar from versioned JSON", () =>
    Effect.gen(function* () {
      const backingStore = store()
      yield* withJar(backingStore, (jar) =>
        jar.store(url, ["sid=1; Path=/; HttpOnly; Secure", "a=2; Domain=example.com; Max-Age=60"])
      )
      expect(JSON.parse(backingStore.content() ?? "")).toEqual({
        version: 1,
        cookies: [
          {
            name: "sid",
            value: "1",
            domain: "api.example.com",
            hostOnly: true,
            path: "/",
            secure: true,
            httpOnly: true,
            expires: null,
            created: 0
          },
          {
            name: "a",
            value: "2",
            domain: "example.com",
            hostOnly: false,
            path: "/v1",
            secure: false,
            httpOnly: false,
            expires: 60_000,
            created: 1
          }
        ]
      })
      expect(yield* withJar(backingStore, (jar) => jar.cookiesFor(url))).toBe("a=2; sid=1")
      yield* TestClock.adjust("60 seconds")
      expect(yield* withJar(backingStore, (jar) => jar.cookiesFor(url))).toBe("sid=1")
      expect(backingStore.written).toHaveLength(1)
    })
  )

  it.effect("omits session cookies when sessionCookies is false, stored ones included", () =>
    Effect.gen(function* () {
      const backingStore = store(serializedJar({}))
      const options = { sessionCookies: false }
      const cookiesForAll = (jar: CookieJar.Service) => jar.cookiesFor(url)
      expect(yield* withJar(backingStore, cookiesForAll, options)).toBe("")
      yield* withJar(backingStore, (jar) => jar.store(url, ["sid=1; Path=/", "a=2; Path=/; Max-Age=60"]), options)
      expect(yield* withJar(backingStore, cookiesForAll)).toBe("a=2")
    })
  )

  it.effect("saves all changes of one second at once, and skips responses that change nothing", () =>
    Effect.gen(function* () {
      const backingStore = store()
      yield* withJar(backingStore, (jar) =>
        Effect.gen(function* () {
          yield* jar.store(url, ["a=1"])
          yield* TestClock.adjust("999 millis")
          yield* jar.store(url, ["b=2"])
          expect(backingStore.written).toHaveLength(0)
          yield* TestClock.adjust("1 millis")
          expect(backingStore.written).toHaveLength(1)
          expect(backingStore.written[0]).toContain('"b"')
          yield* jar.store(url, ["a=1", "a=; Domain=evil.com", "gone=; Max-Age=0"])
          yield* jar.cookiesFor(url)
          yield* TestClock.adjust("1 hour")
          expect(backingStore.written).toHaveLength(1)
          yield* jar.store(url, ["a=; Max-Age=0"])
          yield* TestClock.adjust("1 second")
          expect(backingStore.written).toHaveLength(2)
        })
      )
      expect(backingStore.written).toHaveLength(2)
    })
  )

  it.effect("saves only when closed, with an infinite delay", () =>
    Effect.gen(function* () {
      const backingStore = store()
      yield* withJar(backingStore, (jar) => Effect.zipRight(jar.store(url, ["a=1"]), TestClock.adjust("365 days")), {
        delay: Duration.infinity
      })
      expect(backingStore.written).toHaveLength(1)
    })
  )

  it.effect("finishes a running save and saves later changes when it is closed", () =>
    Effect.gen(function* () {
      const writeAllowed = yield* Deferred.make<void>()
      const backingStore = store(undefined, () => Deferred.await(writeAllowed))
      const scope = yield* Scope.make()
      const jar = yield* CookieJar.makePersistent().pipe(Scope.extend(scope), Effect.provide(backingStore.layer))
      yield* jar.store(url, ["a=1"])
      yield* TestClock.adjust("1 second")
      yield* jar.store(url, ["b=2"])
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("1 second")
      expect(backingStore.written).toHaveLength(0)
      yield* Deferred.succeed(writeAllowed, undefined)
      yield* Fiber.join(closing)
      expect(backingStore.written.map((text) => text.includes('"b"'))).toEqual([false, true])
    })
  )

  it.effect("saves when its user is interrupted", () =>
    Effect.gen(function* () {
      const backingStore = store()
      const fiber = yield* Effect.fork(
        withJar(backingStore, (jar) => Effect.zipRight(jar.store(url, ["a=1"]), Effect.never))
      )
      // The module of the jar is loaded with a dynamic import.
      yield* Effect.promise(() => import("../src/internal/cookies/persistentJar.js"))
      yield* TestClock.adjust("1 millis")
      yield* Fiber.interrupt(fiber)
      expect(backingStore.written).toHaveLength(1)
    })
  )

  it.effect("restores the order of least recent use", () =>
    Effect.gen(function* () {
      const backingStore = store()
      yield* withJar(backingStore, (jar) =>
        Effect.zipRight(jar.store(url, ["a=1; Path=/v1/x", "b=1; Path=/v2"]), jar.cookiesFor(url))
      )
      const otherCookies = Array.from({ length: 49 }, (_, at) => `c${at}=1; Path=/v3`)
      const sent = yield* withJar(backingStore, (jar) =>
        Effect.zipRight(
          jar.store(url, otherCookies),
          Effect.all([jar.cookiesFor(url), jar.cookiesFor("https://api.example.com/v2")])
        )
      )
      expect(sent).toEqual(["a=1", ""])
    })
  )

  it.effect("sleeps only while changes are unsaved", () =>
    Effect.gen(function* () {
      const sleeperCount = Effect.map(TestClock.sleeps(), Chunk.size)
      const seen = yield* withJar(store(), (jar) =>
        Effect.gen(function* () {
          const before = yield* sleeperCount
          yield* jar.store(url, ["a=1"])
          yield* Effect.yieldNow()
          const during = yield* sleeperCount
          yield* TestClock.adjust("1 second")
          return [before, during, yield* sleeperCount]
        })
      )
      expect(seen).toEqual([0, 1, 0])
    })
  )

  it.effect("keeps separate cookies under separate keys", () =>
    Effect.gen(function* () {
      const layer = { layer: KeyValueStore.layerMemory }
      const memory = yield* Layer.build(layer.layer)
      const backing = { layer: Layer.succeedContext(memory) }
      yield* withJar(backing, (jar) => jar.store(url, ["a=1"]), { key: "one" })
      yield* withJar(backing, (jar) => jar.store(url, ["a=2"]), { key: "two" })
      expect(yield* withJar(backing, (jar) => jar.cookiesFor(url), { key: "one" })).toBe("a=1")
    }).pipe(Effect.scoped)
  )
})

describe("CookieJar.layerPersistent, store failures", () => {
  it.effect("fails to build when the store cannot be read", () =>
    Effect.gen(function* () {
      const layer = Layer.succeed(
        KeyValueStore.KeyValueStore,
        KeyValueStore.makeStringOnly({
          get: () => Effect.fail(systemError("no")),
          set: () => Effect.void,
          remove: () => Effect.void,
          clear: Effect.void,
          size: Effect.succeed(0)
        })
      )
      const error = yield* Effect.flip(withJar({ layer }, () => Effect.void))
      expect(error).toMatchObject({ _tag: "SystemError", reason: "PermissionDenied" })
    })
  )

  it.effect("logs a failed save without its content and saves again after the next change", () =>
    Effect.gen(function* () {
      const errors: Array<Effect.Effect<void, PlatformError.PlatformError>> = [
        Effect.fail(systemError("SET cookies verysecret")),
        Effect.die(new Error("verysecret")),
        Effect.void
      ]
      const backingStore = store(undefined, () => errors.shift() ?? Effect.void)
      const { lines } = yield* captureLogs(
        withJar(backingStore, (jar) =>
          Effect.gen(function* () {
            yield* jar.store(url, ["a=verysecret"])
            yield* TestClock.adjust("1 second")
            yield* jar.store(url, ["b=2"])
            yield* TestClock.adjust("1 second")
            expect(backingStore.written).toHaveLength(0)
            expect(yield* jar.cookiesFor(url)).toBe("a=verysecret; b=2")
          })
        )
      )
      expect(lines).toEqual([
        'WARN cannot save cookies as "cookies": PermissionDenied. They are saved with the next change.',
        'WARN cannot save cookies as "cookies": a defect. They are saved with the next change.'
      ])
      expect(backingStore.content()).toContain("verysecret")
    })
  )
})

describe("CookieJar.layerPersistent, invalid content", () => {
  const invalidContents = [
    "",
    "verysecret",
    "null",
    '{"version":1,"cookies":',
    '{"version":2,"cookies":[]}',
    '{"version":1,"cookies":[{"value":"verysecret"}]}',
    serializedJar({ value: 7, name: "verysecret" }),
    serializedJar({ expires: "verysecret" }),
    `${"[".repeat(100_000)}`
  ]

  it.effect("logs a warning without the content, starts empty and overwrites it with the first cookie", () =>
    Effect.forEach(invalidContents, (content) =>
      Effect.gen(function* () {
        const backingStore = store(content)
        const { lines, value } = yield* captureLogs(
          withJar(backingStore, (jar) => Effect.tap(jar.cookiesFor(url), TestClock.adjust("1 hour")))
        )
        expect(value).toBe("")
        expect(lines).toEqual(['WARN cannot load cookies: the content of "cookies" is invalid. The jar starts empty.'])
        expect([backingStore.written, backingStore.content()]).toEqual([[], content])
        yield* withJar(backingStore, (jar) => jar.store(url, ["a=1"]))
        expect(yield* withJar(backingStore, (jar) => jar.cookiesFor(url))).toBe("a=1")
      })
    )
  )

  it.effect("drops stored cookies that no response could have set", () =>
    Effect.gen(function* () {
      const backingStore = store(
        serializedJar(
          { name: "suffix", domain: "com", hostOnly: false },
          { name: "a", value: "1; Domain=com" },
          { name: "b\r\nset-cookie: x" },
          { name: "c", value: "\r\nx: y" },
          { name: "d", value: "x".repeat(5000) },
          { name: "__Host-e", secure: false },
          { name: "f", domain: "example.com/x", hostOnly: false },
          { name: "g", domain: "__proto__" },
          { name: "h", expires: -1 },
          { name: "i", path: "/; Domain=com" },
          { name: "good", value: "2" }
        )
      )
      const { lines, value } = yield* captureLogs(
        withJar(backingStore, (jar) => Effect.all([jar.cookiesFor(url), jar.cookiesFor("https://evil.com/")]))
      )
      expect(value).toEqual(["good=2", ""])
      expect(lines).toEqual([])
    })
  )

  it("never dies on random content", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.oneof(
          FastCheck.string(),
          FastCheck.json(),
          FastCheck.object().map((extra) => serializedJar(extra as never))
        ),
        async (content) => {
          const { value } = await Effect.runPromise(captureLogs(withJar(store(content), (jar) => jar.cookiesFor(url))))
          expect(typeof value).toBe("string")
        }
      ),
      { numRuns: 100 }
    ))
})

describe("CookieJar.layerPersistent, round trip", () => {
  const host = FastCheck.constantFrom(
    "api.example.com",
    "example.com",
    "www.example.com",
    "127.0.0.1",
    "[::1]",
    "x.test"
  )
  const path = FastCheck.constantFrom("/", "/v1", "/v1/x", "/v1/x/y", "/a%20b/")
  const line = FastCheck.tuple(
    FastCheck.constantFrom("a", "b", "c", "__Host-d", "__Secure-e", "f g", "h[]"),
    FastCheck.constantFrom("", "1", '"q"', "x=y", "a, b", "ü", "%20"),
    FastCheck.constantFrom(
      "",
      "; Domain=example.com",
      "; Domain=.api.example.com",
      "; Domain=127.0.0.1",
      "; Domain=[::1]"
    ),
    FastCheck.oneof(
      FastCheck.constant(""),
      path.map((cookiePath) => `; Path=${cookiePath}`)
    ),
    FastCheck.constantFrom(
      "",
      "; Secure",
      "; HttpOnly",
      "; Max-Age=5",
      "; Max-Age=0",
      "; Max-Age=1e",
      "; Max-Age=99999999999999"
    )
  ).map(([name, value, ...rest]) => `${name}=${value}${rest.join("")}`)
  const at = FastCheck.tuple(FastCheck.constantFrom("http", "https"), host, path).map(
    ([scheme, name, rest]) => `${scheme}://${name}${rest}`
  )
  const step = FastCheck.tuple(at, FastCheck.array(line, { maxLength: 8 }))

  it("preserves sent cookies and the eviction order when saving and loading", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(FastCheck.array(step, { maxLength: 12 }), FastCheck.array(at), async (steps, urls) => {
        const backingStore = store()
        const cookiesForAll = (jar: CookieJar.Service) => Effect.forEach(urls, (to) => jar.cookiesFor(to))
        // Filling one domain to its limit shows which cookies are evicted first.
        const otherCookies = (jar: CookieJar.Service) =>
          Effect.zipRight(
            jar.store(
              "https://example.com/",
              Array.from({ length: 48 }, (_, n) => `n${n}=1; Path=/; Secure`)
            ),
            jar.cookiesFor("https://example.com/v1/x/y")
          )
        const run = Effect.gen(function* () {
          const before = yield* withJar(backingStore, (jar) =>
            Effect.gen(function* () {
              yield* Effect.forEach(steps, ([from, lines]) => jar.store(from, lines))
              return yield* cookiesForAll(jar)
            })
          )
          const content = backingStore.content()
          const reloaded = store(content)
          const [after, afterEviction] = yield* withJar(reloaded, (jar) =>
            Effect.all([cookiesForAll(jar), otherCookies(jar)])
          )
          const memory = yield* CookieJar.makeMemory
          yield* Effect.forEach(steps, ([from, lines]) => memory.store(from, lines))
          yield* cookiesForAll(memory)
          yield* cookiesForAll(memory)
          expect(after).toEqual(before)
          expect(afterEviction).toBe(yield* otherCookies(memory))
        })
        await Effect.runPromise(run)
      }),
      { numRuns: 150 }
    ))
})

describe("CookieJar.layerPersistent, secrecy", () => {
  it.effect("hides cookie values from inspect and JSON.stringify", () =>
    Effect.gen(function* () {
      const rendered = yield* withJar(store(serializedJar({ value: "verysecret" })), (jar) =>
        Effect.sync(() => inspect(jar, { depth: 9, showHidden: true }) + JSON.stringify(jar))
      )
      expect(rendered).not.toContain("verysecret")
    })
  )
})
