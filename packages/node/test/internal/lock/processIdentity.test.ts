import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import fs from "node:fs"
import { join } from "node:path"
import type { Process } from "../../../src/internal/lock/processIdentity.js"
import { hasExited, currentProcess } from "../../../src/internal/lock/processIdentity.js"
import { namesIn } from "../../support/folder.js"
import { lockFile, nobody, tryOnce, write } from "../../support/locks.js"

describe("isDead", () => {
  const cases: ReadonlyArray<readonly [string, Partial<Process>, "taken" | "kept"]> = [
    ["a process id that nobody has", { pid: nobody }, "taken"],
    ["our own process id, recycled: it started at another time", { start: "1" }, "taken"],
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
        write(path, { ...(yield* currentProcess), ...fields })
        const content = fs.readFileSync(path, "utf8")
        const attempt = (yield* tryOnce).withLock(path)(Effect.void)
        if (outcome === "taken") {
          yield* attempt
          expect(namesIn(join(path, ".."))).toEqual([])
        } else {
          expect((yield* Effect.flip(attempt)).reason).toBe("LockTimeout")
          expect(fs.readFileSync(path, "utf8")).toBe(content)
          expect(namesIn(join(path, ".."))).toEqual(["app.lock"])
        }
      }).pipe(Effect.scoped)
    )
  }
})

describe("a process of another boot", () => {
  const me: Process = {
    pid: nobody,
    start: "1",
    boot: "6f1c0b5e-0000-4000-8000-000000000001",
    namespace: "pid:[4026531836]",
    host: "app-0",
    machine: "a".repeat(32)
  }
  const boot = "6f1c0b5e-0000-4000-8000-000000000002"
  const container = { ...me, namespace: "pid:[4026532561]" }
  const cases: ReadonlyArray<readonly [string, Process, Process, boolean]> = [
    ["of this machine, which was restarted", me, { ...me, boot }, true],
    ["of a container of the same name and image, on whatever machine", container, { ...container, boot }, false],
    ["of a machine with the name of a container here", container, { ...me, boot }, false],
    ["of a container with the name of this machine", me, { ...container, boot }, false],
    ["where machines have no identifier", { ...me, machine: "" }, { ...me, machine: "", boot }, false],
    ["that is not known", me, { ...me, boot: "" }, false],
    ["than ours, which is not known", { ...me, boot: "" }, me, false]
  ]
  for (const [situation, one, other, outcome] of cases) {
    it.effect(`${situation}, ${outcome ? "is gone" : "may run"}`, () =>
      Effect.map(hasExited(one, other), (dead) => expect(dead).toBe(outcome))
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
      write(path, { ...(yield* currentProcess), pid, start: stat()[21] ?? "" })
      expect(yield* (yield* tryOnce).withLock(path)(Effect.succeed("taken"))).toBe("taken")
    }).pipe(Effect.scoped)
  )
})
