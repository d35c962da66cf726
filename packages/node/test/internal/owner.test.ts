import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import fs from "node:fs"
import { join } from "node:path"
import type { Process } from "../../src/internal/owner.js"
import { self } from "../../src/internal/owner.js"
import { namesIn } from "../support/folder.js"
import { lockFile, nobody, tryOnce, write } from "../support/locks.js"

describe("isDead", () => {
  const cases: ReadonlyArray<readonly [string, Partial<Process>, "taken" | "kept"]> = [
    ["a process id that nobody has", { pid: nobody }, "taken"],
    ["our own process id, recycled: it started at another time", { start: "1" }, "taken"],
    ["a process from before the machine was restarted", { boot: "00000000-0000-4000-8000-000000000000" }, "taken"],
    ["this process", {}, "kept"],
    ["another process that runs", { pid: process.ppid, start: "" }, "kept"],
    ["another host, whatever its process id", { pid: nobody, host: "elsewhere" }, "kept"],
    ["another machine of the same name", { pid: nobody, machine: "f".repeat(32) }, "kept"],
    ["another container", { pid: nobody, namespace: "pid:[1]" }, "kept"],
    ["another host that was restarted", { pid: nobody, host: "elsewhere", boot: "another" }, "kept"]
  ]
  for (const [situation, fields, outcome] of cases) {
    it.live(`the lock of ${situation} is ${outcome}`, () =>
      Effect.gen(function* () {
        const path = yield* lockFile
        write(path, { ...(yield* self), ...fields })
        const content = fs.readFileSync(path, "utf8")
        const attempt = (yield* tryOnce).withLock(path)(Effect.void)
        if (outcome === "taken") {
          yield* attempt
          expect(namesIn(join(path, ".."))).toEqual([])
        } else {
          expect((yield* Effect.flip(attempt)).reason).toBe("Busy")
          expect(fs.readFileSync(path, "utf8")).toBe(content)
          expect(namesIn(join(path, ".."))).toEqual(["app.lock"])
        }
      }).pipe(Effect.scoped)
    )
  }
})

describe.skipIf(process.platform !== "linux")("a process that was killed and that its parent has not asked for", () => {
  it.live("its lock is taken, though its process id still exists", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      // `sleep` asks for no child of the shell whose place it took.
      const parent = yield* Effect.acquireRelease(
        Effect.sync(() =>
          spawn("sh", ["-c", "sh -c 'echo $$' & exec sleep 30"], { stdio: ["ignore", "pipe", "ignore"] })
        ),
        (child) => Effect.sync(() => child.kill("SIGKILL"))
      )
      const pid = yield* Effect.promise(async () => {
        for await (const chunk of parent.stdout) return Number(String(chunk))
        return -1
      })
      const stat = () => fs.readFileSync(`/proc/${pid}/stat`, "utf8").split(" ")
      yield* Effect.repeat(Effect.sleep("5 millis"), { until: () => stat()[2] === "Z" })
      write(path, { ...(yield* self), pid, start: stat()[21] ?? "" })
      expect(yield* (yield* tryOnce).withLock(path)(Effect.succeed("taken"))).toBe("taken")
    }).pipe(Effect.scoped)
  )
})
