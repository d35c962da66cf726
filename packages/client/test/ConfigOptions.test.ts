import * as ConfigOptions from "@countersign/client/ConfigOptions"
import * as Result from "@countersign/protocol/Result"
import { describe, expect, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

interface Options {
  readonly url: string
  readonly retries?: number | undefined
  readonly secret: Redacted.Redacted<string>
  /** An effect, which is not a value of the configuration. */
  readonly fetch: Effect.Effect<string>
}

const fixed: Options = { url: "https://api.test", secret: Redacted.make("fixed"), fetch: Effect.die("it was run") }

const withValues = (values: Readonly<Record<string, string>>) =>
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(values))))

describe("ConfigOptions.read", () => {
  it.effect("replaces each Config by its value, and runs no other effect", () =>
    Effect.gen(function* () {
      const options = { ...fixed, url: Config.string("URL"), secret: Config.redacted("SECRET") }
      const read = yield* ConfigOptions.read<Options>(options).pipe(withValues({ URL: "https://b.test", SECRET: "s" }))
      expect(read).toEqual({ ...fixed, url: "https://b.test", secret: Redacted.make("s") })
      expect(read.fetch).toBe(fixed.fetch)
    })
  )

  it.effect("returns options without a Config as they are", () =>
    Effect.gen(function* () {
      expect(yield* ConfigOptions.read<Options>(fixed)).toEqual(fixed)
      expect(yield* ConfigOptions.read<Partial<Options>>({})).toEqual({})
    })
  )

  it.effect("fails with the name of a missing value", () =>
    Effect.gen(function* () {
      const read = ConfigOptions.read<Options>({ ...fixed, url: Config.string("URL") })
      const error = yield* Effect.flip(read.pipe(withValues({})))
      expect(error).toMatchObject({ _op: "MissingData", path: ["URL"] })
    })
  )
})

describe("ConfigOptions.validated", () => {
  const even = ConfigOptions.validated("COUNT", Config.integer(), (count) =>
    count % 2 === 0 ? Result.ok(`${count / 2} pairs`) : Result.err("The number is odd. Set an even one.")
  )

  it.effect("returns the validated value", () =>
    Effect.gen(function* () {
      expect(yield* even.pipe(withValues({ COUNT: "4" }))).toBe("2 pairs")
    })
  )

  it.effect("fails with the name and the reason for a rejected value", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(even.pipe(withValues({ COUNT: "3" })))
      expect(error).toMatchObject({
        _op: "InvalidData",
        path: ["COUNT"],
        message: "The number is odd. Set an even one."
      })
    })
  )

  it.effect("fails as the Config does for a missing value", () =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(even.pipe(withValues({})))).toMatchObject({ _op: "MissingData", path: ["COUNT"] })
    })
  )
})

describe("ConfigOptions.invalid", () => {
  it("has the path and the reason", () => {
    const error = ConfigOptions.invalid(["proxy", "https"], "The scheme is not supported.")
    expect(error).toMatchObject({ path: ["proxy", "https"], message: "The scheme is not supported." })
  })
})
