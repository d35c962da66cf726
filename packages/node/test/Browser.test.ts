import * as Browser from "@countersign/node/Browser"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"

/** A command in place of the system's that writes its arguments to a file and exits with `code`. */
const recordingCommand = (code = 0) =>
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

const { open: openWithMissingCommand } = Browser.make({ command: ["/nowhere/at-all"] })

/** The URL that would be passed to the command, read from the error of a command that does not exist. */
const passedUrl = (url: string) => Effect.map(Effect.flip(openWithMissingCommand(url)), (error) => error.url)

describe("Browser", () => {
  it.scopedLive("passes the URL as one argument", () =>
    Effect.gen(function* () {
      const { given, open } = yield* recordingCommand()
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
  ])("opens %s with shell metacharacters escaped", ([url, expected]) =>
    Effect.gen(function* () {
      expect(yield* passedUrl(url)).toBe(expected)
    })
  )

  it.effect("passes only an ASCII URL that begins with http, for any input", () =>
    Effect.promise(() =>
      FastCheck.assert(
        FastCheck.asyncProperty(FastCheck.webUrl({ withQueryParameters: true }), FastCheck.string(), (url, more) =>
          Effect.runPromise(passedUrl(`${url}${more}`)).then((shown) => {
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
  ])("rejects %s and does not print it", (url) =>
    Effect.gen(function* () {
      const { open } = Browser.make({ command: [process.execPath, "-e", "process.exit(1)"] })
      const error = yield* Effect.flip(open(url))
      expect([error._tag, error.url]).toEqual(["BrowserError", undefined])
      expect(error.message).not.toMatch(/evil|canary|passwd/)
    })
  )

  it.scopedLive("fails with the URL to open by hand when the command fails", () =>
    Effect.gen(function* () {
      const url = "https://auth.test/authorize?a=1"
      const { open } = yield* recordingCommand(3)
      for (const failing of [open, openWithMissingCommand, Browser.make({ command: ["\u0000"] }).open]) {
        const error = yield* Effect.flip(failing(url))
        expect(error).toMatchObject({ _tag: "BrowserError", url })
        expect(error.message).toContain(`Open this URL yourself: ${url}`)
      }
    })
  )

  it.effect("fails with a BrowserError for a URL that is longer than an argument may be", () =>
    Effect.gen(function* () {
      const { open } = Browser.make({ command: [process.execPath, "-e", ""] })
      expect(yield* Effect.flip(open(`https://x.test/${"a".repeat(4_000_000)}`))).toMatchObject({
        _tag: "BrowserError"
      })
    })
  )

  it.live("succeeds when the command keeps running", () =>
    Effect.gen(function* () {
      const { open } = Browser.make({ command: [process.execPath, "-e", "setTimeout(() => {}, 4000)"] })
      yield* open("https://auth.test/")
    })
  )

  it.effect("fails with the URL to open by hand with layerNone", () =>
    Effect.gen(function* () {
      const { open } = yield* Browser.Browser
      expect(yield* Effect.flip(open("https://auth.test/"))).toMatchObject({ url: "https://auth.test/" })
      expect((yield* Effect.flip(open("file:///"))).url).toBeUndefined()
    }).pipe(Effect.provide(Browser.layerNone))
  )

  it.effect("provides the browser of the system with layer", () =>
    Effect.gen(function* () {
      expect((yield* Browser.Browser).open).toBeTypeOf("function")
    }).pipe(Effect.provide(Browser.layer()))
  )
})
