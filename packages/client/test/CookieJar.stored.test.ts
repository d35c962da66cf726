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

const failing = (description: string) =>
  new PlatformError.SystemError({ reason: "PermissionDenied", module: "KeyValueStore", method: "set", description })

/** A store that remembers what was written to it, and when. */
const store = (
  content?: string,
  set: (value: string) => Effect.Effect<void, PlatformError.PlatformError> = () => Effect.void
) => {
  const written: Array<string> = []
  let held = content
  const service = KeyValueStore.makeStringOnly({
    get: () => Effect.sync(() => Option.fromNullable(held)),
    set: (_, value) =>
      Effect.map(set(value), () => {
        held = value
        written.push(value)
      }),
    remove: () => Effect.void,
    clear: Effect.void,
    size: Effect.succeed(1)
  })
  return { written, content: () => held, layer: Layer.succeed(KeyValueStore.KeyValueStore, service) }
}

type Store = ReturnType<typeof store>

/** Uses a jar over the store from its beginning to its end. */
const using = <A, E>(
  over: Pick<Store, "layer">,
  use: (jar: CookieJar.Service) => Effect.Effect<A, E>,
  options: CookieJar.PersistentOptions = {}
) =>
  Effect.flatMap(CookieJar.CookieJar, use).pipe(
    Effect.provide(Layer.provide(CookieJar.layerPersistent(options), over.layer))
  )

/** What is logged meanwhile, as text. */
const logging = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
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

const saved = (...cookies: ReadonlyArray<Record<string, unknown>>) =>
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

describe("a stored jar", () => {
  it.effect("begins with what the last one had, in a format that has a version", () =>
    Effect.gen(function* () {
      const kept = store()
      yield* using(kept, (jar) =>
        jar.store(url, ["sid=1; Path=/; HttpOnly; Secure", "a=2; Domain=example.com; Max-Age=60"])
      )
      expect(JSON.parse(kept.content() ?? "")).toEqual({
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
      expect(yield* using(kept, (jar) => jar.cookiesFor(url))).toBe("a=2; sid=1")
      yield* TestClock.adjust("60 seconds")
      expect(yield* using(kept, (jar) => jar.cookiesFor(url))).toBe("sid=1")
      expect(kept.written).toHaveLength(1)
    })
  )

  it.effect("leaves out the cookies of a session where it is told to, of what was saved before too", () =>
    Effect.gen(function* () {
      const kept = store(saved({}))
      const options = { sessionCookies: false }
      const ask = (jar: CookieJar.Service) => jar.cookiesFor(url)
      expect(yield* using(kept, ask, options)).toBe("")
      yield* using(kept, (jar) => jar.store(url, ["sid=1; Path=/", "a=2; Path=/; Max-Age=60"]), options)
      expect(yield* using(kept, ask)).toBe("a=2")
    })
  )

  it.effect(
    "is saved once for all changes of a second, beside the requests, and not for an answer that changes nothing",
    () =>
      Effect.gen(function* () {
        const kept = store()
        yield* using(kept, (jar) =>
          Effect.gen(function* () {
            yield* jar.store(url, ["a=1"])
            yield* TestClock.adjust("999 millis")
            yield* jar.store(url, ["b=2"])
            expect(kept.written).toHaveLength(0)
            yield* TestClock.adjust("1 millis")
            expect(kept.written).toHaveLength(1)
            expect(kept.written[0]).toContain('"b"')
            yield* jar.store(url, ["a=1", "a=; Domain=evil.com", "gone=; Max-Age=0"])
            yield* jar.cookiesFor(url)
            yield* TestClock.adjust("1 hour")
            expect(kept.written).toHaveLength(1)
            yield* jar.store(url, ["a=; Max-Age=0"])
            yield* TestClock.adjust("1 second")
            expect(kept.written).toHaveLength(2)
          })
        )
        expect(kept.written).toHaveLength(2)
      })
  )

  it.effect("is saved at the end only, where it is told to wait for ever", () =>
    Effect.gen(function* () {
      const kept = store()
      yield* using(kept, (jar) => Effect.zipRight(jar.store(url, ["a=1"]), TestClock.adjust("365 days")), {
        delay: Duration.infinity
      })
      expect(kept.written).toHaveLength(1)
    })
  )

  it.effect("loses nothing when it ends in the middle of a save: that one is finished, and a last one is made", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const kept = store(undefined, () => Deferred.await(gate))
      const scope = yield* Scope.make()
      const jar = yield* CookieJar.makePersistent().pipe(Scope.extend(scope), Effect.provide(kept.layer))
      yield* jar.store(url, ["a=1"])
      yield* TestClock.adjust("1 second")
      yield* jar.store(url, ["b=2"])
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("1 second")
      expect(kept.written).toHaveLength(0)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(closing)
      expect(kept.written.map((text) => text.includes('"b"'))).toEqual([false, true])
    })
  )

  it.effect("is saved although what used it was interrupted", () =>
    Effect.gen(function* () {
      const kept = store()
      const fiber = yield* Effect.fork(using(kept, (jar) => Effect.zipRight(jar.store(url, ["a=1"]), Effect.never)))
      // The jar's module is loaded by a promise.
      yield* Effect.promise(() => import("../src/internal/cookies/persistentJar.js"))
      yield* TestClock.adjust("1 millis")
      yield* Fiber.interrupt(fiber)
      expect(kept.written).toHaveLength(1)
    })
  )

  it.effect("remembers who was not used for longest, and is to go first", () =>
    Effect.gen(function* () {
      const kept = store()
      yield* using(kept, (jar) =>
        Effect.zipRight(jar.store(url, ["a=1; Path=/v1/x", "b=1; Path=/v2"]), jar.cookiesFor(url))
      )
      const crowd = Array.from({ length: 49 }, (_, at) => `c${at}=1; Path=/v3`)
      const left = yield* using(kept, (jar) =>
        Effect.zipRight(
          jar.store(url, crowd),
          Effect.all([jar.cookiesFor(url), jar.cookiesFor("https://api.example.com/v2")])
        )
      )
      expect(left).toEqual(["a=1", ""])
    })
  )

  it.effect("waits for nothing while there is nothing to save", () =>
    Effect.gen(function* () {
      const waiting = Effect.map(TestClock.sleeps(), Chunk.size)
      const seen = yield* using(store(), (jar) =>
        Effect.gen(function* () {
          const before = yield* waiting
          yield* jar.store(url, ["a=1"])
          yield* Effect.yieldNow()
          const during = yield* waiting
          yield* TestClock.adjust("1 second")
          return [before, during, yield* waiting]
        })
      )
      expect(seen).toEqual([0, 1, 0])
    })
  )

  it.effect("under another key is another one", () =>
    Effect.gen(function* () {
      const layer = { layer: KeyValueStore.layerMemory }
      const memory = yield* Layer.build(layer.layer)
      const over = { layer: Layer.succeedContext(memory) }
      yield* using(over, (jar) => jar.store(url, ["a=1"]), { key: "one" })
      yield* using(over, (jar) => jar.store(url, ["a=2"]), { key: "two" })
      expect(yield* using(over, (jar) => jar.cookiesFor(url), { key: "one" })).toBe("a=1")
    }).pipe(Effect.scoped)
  )
})

describe("a store that is broken", () => {
  it.effect("is the Layer's error where it cannot be read", () =>
    Effect.gen(function* () {
      const layer = Layer.succeed(
        KeyValueStore.KeyValueStore,
        KeyValueStore.makeStringOnly({
          get: () => Effect.fail(failing("no")),
          set: () => Effect.void,
          remove: () => Effect.void,
          clear: Effect.void,
          size: Effect.succeed(0)
        })
      )
      const error = yield* Effect.flip(using({ layer }, () => Effect.void))
      expect(error).toMatchObject({ _tag: "SystemError", reason: "PermissionDenied" })
    })
  )

  it.effect("fails no request: what was not saved is a warning without a word of it, and is saved the next time", () =>
    Effect.gen(function* () {
      const errors: Array<Effect.Effect<void, PlatformError.PlatformError>> = [
        Effect.fail(failing("SET cookies verysecret")),
        Effect.die(new Error("verysecret")),
        Effect.void
      ]
      const kept = store(undefined, () => errors.shift() ?? Effect.void)
      const { lines } = yield* logging(
        using(kept, (jar) =>
          Effect.gen(function* () {
            yield* jar.store(url, ["a=verysecret"])
            yield* TestClock.adjust("1 second")
            yield* jar.store(url, ["b=2"])
            yield* TestClock.adjust("1 second")
            expect(kept.written).toHaveLength(0)
            expect(yield* jar.cookiesFor(url)).toBe("a=verysecret; b=2")
          })
        )
      )
      expect(lines).toEqual([
        'WARN cannot save cookies as "cookies": PermissionDenied. They are saved with the next change.',
        'WARN cannot save cookies as "cookies": a defect. They are saved with the next change.'
      ])
      expect(kept.content()).toContain("verysecret")
    })
  )
})

describe("content that no jar has saved", () => {
  const foreign = [
    "",
    "verysecret",
    "null",
    '{"version":1,"cookies":',
    '{"version":2,"cookies":[]}',
    '{"version":1,"cookies":[{"value":"verysecret"}]}',
    saved({ value: 7, name: "verysecret" }),
    saved({ expires: "verysecret" }),
    `${"[".repeat(100_000)}`
  ]

  it.effect("is a warning that shows nothing of it, an empty jar, and stays until there is a cookie", () =>
    Effect.forEach(foreign, (content) =>
      Effect.gen(function* () {
        const kept = store(content)
        const { lines, value } = yield* logging(
          using(kept, (jar) => Effect.tap(jar.cookiesFor(url), TestClock.adjust("1 hour")))
        )
        expect(value).toBe("")
        expect(lines).toEqual(['WARN cannot load cookies: the content of "cookies" is invalid. The jar starts empty.'])
        expect([kept.written, kept.content()]).toEqual([[], content])
        yield* using(kept, (jar) => jar.store(url, ["a=1"]))
        expect(yield* using(kept, (jar) => jar.cookiesFor(url))).toBe("a=1")
      })
    )
  )

  it.effect("and cookies that no server could have set are dropped one by one", () =>
    Effect.gen(function* () {
      const kept = store(
        saved(
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
      const { lines, value } = yield* logging(
        using(kept, (jar) => Effect.all([jar.cookiesFor(url), jar.cookiesFor("https://evil.com/")]))
      )
      expect(value).toEqual(["good=2", ""])
      expect(lines).toEqual([])
    })
  )

  it("is never a defect", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.oneof(
          FastCheck.string(),
          FastCheck.json(),
          FastCheck.object().map((extra) => saved(extra as never))
        ),
        async (content) => {
          const { value } = await Effect.runPromise(logging(using(store(content), (jar) => jar.cookiesFor(url))))
          expect(typeof value).toBe("string")
        }
      ),
      { numRuns: 100 }
    ))
})

describe("saving and loading", () => {
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
      path.map((own) => `; Path=${own}`)
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

  it("changes nothing of what is sent to anybody, and nothing of who has to go first", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(FastCheck.array(step, { maxLength: 12 }), FastCheck.array(at), async (steps, asked) => {
        const kept = store()
        const ask = (jar: CookieJar.Service) => Effect.forEach(asked, (to) => jar.cookiesFor(to))
        // Who was used for longest is asked for by filling the jar of a domain up.
        const crowd = (jar: CookieJar.Service) =>
          Effect.zipRight(
            jar.store(
              "https://example.com/",
              Array.from({ length: 48 }, (_, n) => `n${n}=1; Path=/; Secure`)
            ),
            jar.cookiesFor("https://example.com/v1/x/y")
          )
        const run = Effect.gen(function* () {
          const before = yield* using(kept, (jar) =>
            Effect.gen(function* () {
              yield* Effect.forEach(steps, ([from, lines]) => jar.store(from, lines))
              return yield* ask(jar)
            })
          )
          const content = kept.content()
          const again = store(content)
          const [after, crowded] = yield* using(again, (jar) => Effect.all([ask(jar), crowd(jar)]))
          const memory = yield* CookieJar.makeMemory
          yield* Effect.forEach(steps, ([from, lines]) => memory.store(from, lines))
          yield* ask(memory)
          yield* ask(memory)
          expect(after).toEqual(before)
          expect(crowded).toBe(yield* crowd(memory))
        })
        await Effect.runPromise(run)
      }),
      { numRuns: 150 }
    ))
})

describe("secrets", () => {
  it.effect("are shown by no printer of a stored jar", () =>
    Effect.gen(function* () {
      const shown = yield* using(store(saved({ value: "verysecret" })), (jar) =>
        Effect.sync(() => inspect(jar, { depth: 9, showHidden: true }) + JSON.stringify(jar))
      )
      expect(shown).not.toContain("verysecret")
    })
  )
})
