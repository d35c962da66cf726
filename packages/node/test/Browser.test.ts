import * as Browser from "@countersign/node/Browser"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"

/** A program in the place of the system's, which writes down what it was given; it ends with `code`. */
const recording = (code = 0) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const folder = mkdtempSync(Path.join(Os.tmpdir(), "browser-"))
      const file = Path.join(folder, "arguments")
      const script = `fs.writeFileSync(${JSON.stringify(file)}, JSON.stringify(process.argv.slice(1))); process.exitCode = ${code}`
      const { open } = Browser.make({ command: [process.execPath, "-e", script, "--"] })
      return { folder, open, given: (): unknown => JSON.parse(readFileSync(file, "utf8")) }
    }),
    ({ folder }) => Effect.sync(() => rmSync(folder, { recursive: true }))
  )

const { open: never } = Browser.make({ command: ["/nowhere/at-all"] })

/** The URL as it would have been handed over, by way of the error of a program that cannot be run. */
const opened = (url: string) => Effect.map(Effect.flip(never(url)), (error) => error.url)

describe("a browser", () => {
  it.scopedLive("is given the URL as one argument", () =>
    Effect.gen(function* () {
      const { given, open } = yield* recording()
      yield* open("https://auth.test/authorize?a=1&b=%20x;c|d")
      expect(given()).toEqual(["https://auth.test/authorize?a=1&b=%20x;c%7Cd"])
    })
  )

  it.effect.each<readonly [string, string]>([
    ["https://x.test/$(calc)", "https://x.test/%24%28calc%29"],
    ["https://x.test/?`id`", "https://x.test/?%60id%60"],
    ["https://x.test/?a=\"b'c", "https://x.test/?a=%22b%27c"],
    ["https://x.test/?a\\b^c{d}", "https://x.test/?a%5Cb%5Ec%7Bd%7D"],
    ["https://x.test/a b\n\rc", "https://x.test/a%20bc"],
    [" https://x.test/é", "https://x.test/%C3%A9"],
    ["http://127.0.0.1:8080/a", "http://127.0.0.1:8080/a"],
    ["http://[::1]:8080/a", "http://[::1]:8080/a"],
    ["http://localhost/a", "http://localhost/a"]
  ])("opens %s without what a script could take for its own", ([url, expected]) =>
    Effect.gen(function* () {
      expect(yield* opened(url)).toBe(expected)
    })
  )

  it.effect("is given nothing but ASCII that begins with http, whatever a server has named", () =>
    Effect.promise(() =>
      FastCheck.assert(
        FastCheck.asyncProperty(FastCheck.webUrl({ withQueryParameters: true }), FastCheck.string(), (url, more) =>
          Effect.runPromise(opened(`${url}${more}`)).then((shown) => {
            expect(shown ?? "https://").toMatch(/^https?:\/\/[\w\-.~:/?#[\]@!*+,;=&%]*$/)
          })
        ),
        { numRuns: 200 }
      )
    )
  )

  it.effect.each([
    "http://evil.test/",
    "http://localhost.evil.test/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "vbscript:x",
    "ms-settings:",
    "-flag",
    "--help",
    "",
    'a:b"',
    "https://user:canary@x.test/",
    "\\\\evil.test\\share"
  ])("does not open %s", (url) =>
    Effect.gen(function* () {
      const { open } = Browser.make({ command: [process.execPath, "-e", "process.exit(1)"] })
      const error = yield* Effect.flip(open(url))
      expect([error._tag, error.url]).toEqual(["BrowserError", undefined])
      expect(error.message).not.toMatch(/evil|canary|passwd/)
    })
  )

  it.scopedLive("that cannot be opened is a failure that says what to open", () =>
    Effect.gen(function* () {
      const url = "https://auth.test/authorize?a=1"
      const { open } = yield* recording(3)
      for (const failing of [open, never, Browser.make({ command: ["\u0000"] }).open]) {
        const error = yield* Effect.flip(failing(url))
        expect(error).toMatchObject({ _tag: "BrowserError", url })
        expect(error.message).toContain(`open this URL yourself: ${url}`)
      }
    })
  )

  it.effect("with a URL that is longer than an argument may be is a typed failure", () =>
    Effect.gen(function* () {
      const { open } = Browser.make({ command: [process.execPath, "-e", ""] })
      expect(yield* Effect.flip(open(`https://x.test/${"a".repeat(4_000_000)}`))).toMatchObject({
        _tag: "BrowserError"
      })
    })
  )

  it.live("that runs on has opened it", () =>
    Effect.gen(function* () {
      const { open } = Browser.make({ command: [process.execPath, "-e", "setTimeout(() => {}, 4000)"] })
      yield* open("https://auth.test/")
    })
  )

  it.effect("is none where there is none, and says what to open", () =>
    Effect.gen(function* () {
      const { open } = yield* Browser.Browser
      expect(yield* Effect.flip(open("https://auth.test/"))).toMatchObject({ url: "https://auth.test/" })
      expect((yield* Effect.flip(open("file:///"))).url).toBeUndefined()
    }).pipe(Effect.provide(Browser.layerNone))
  )

  it.effect("is the system's, by a Layer", () =>
    Effect.gen(function* () {
      expect((yield* Browser.Browser).open).toBeTypeOf("function")
    }).pipe(Effect.provide(Browser.layer()))
  )
})
