import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Programs from "../../../src/internal/postgresServer/programs.js"

describe("find", () => {
  const find = (...programs: readonly [string, ...Array<string>]) =>
    Programs.find(programs, () => ["/nonexistent", "/bin"], "Install it")

  it.effect("returns the first folder that has all programs", () =>
    Effect.map(find("sh", "ls"), (folder) => expect(folder).toBe("/bin"))
  )

  it.effect("fails with BinaryMissing if a program is in none of the folders", () =>
    Effect.map(Effect.flip(find("sh", "no-such-program")), (error) =>
      expect(error).toMatchObject({
        reason: "BinaryMissing",
        message: "The server did not start: `sh` and `no-such-program` are not installed. Install it."
      })
    )
  )
})
