import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import fs from "node:fs"
import { join } from "node:path"
import type { Process } from "../../../src/internal/lock/processIdentity.js"
import { hasExited, currentProcess } from "../../../src/internal/lock/processIdentity.js"
import { namesIn } from "../../support/folder.js"
import { lockFile, unusedPid, tryOnce, writeLock } from "../../support/locks.js"

describe("processIdentity", () => {
  const cases: ReadonlyArray<readonly [string, Partial<Process>, "taken" | "kept"]> = [
    ["an unused process id", { pid: unusedPid }, "taken"],
    ["this process id with another start time", { start: "1" }, "taken"],
    ["this process", {}, "kept"],
    ["another running process", { pid: process.ppid, start: "" }, "kept"],
    ["a process on another host", { pid: unusedPid, host: "elsewhere" }, "kept"],
    ["a process on another machine with the same host name", { pid: unusedPid, machine: "f".repeat(32) }, "kept"],
    ["a process in another container", { pid: unusedPid, namespace: "pid:[1]" }, "kept"],
    ["a process on another host with another boot", { pid: unusedPid, host: "elsewhere", boot: "another" }, "kept"]
  ]
  for (const [situation, fields, outcome] of cases) {
    it.live(`${outcome === "taken" ? "takes over" : "keeps"} the lock of ${situation}`, () =>
      Effect.gen(function* () {
        const path = yield* lockFile
        writeLock(path, { ...(yield* currentProcess), ...fields })
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

describe("processIdentity", () => {
  const me: Process = {
    pid: unusedPid,
    start: "1",
    boot: "6f1c0b5e-0000-4000-8000-000000000001",
    namespace: "pid:[4026531836]",
    host: "app-0",
    machine: "a".repeat(32)
  }
  const boot = "6f1c0b5e-0000-4000-8000-000000000002"
  const container = { ...me, namespace: "pid:[4026532561]" }
  const cases: ReadonlyArray<readonly [string, Process, Process, boolean]> = [
    ["of this machine before its restart", me, { ...me, boot }, true],
    ["of a container with the same name and image", container, { ...container, boot }, false],
    ["of a machine with the name of this container", container, { ...me, boot }, false],
    ["of a container with the name of this machine", me, { ...container, boot }, false],
    ["of another boot if machines have no identifier", { ...me, machine: "" }, { ...me, machine: "", boot }, false],
    ["of an unknown boot", me, { ...me, boot: "" }, false],
    ["of another boot if the own boot is unknown", { ...me, boot: "" }, me, false]
  ]
  for (const [situation, one, other, outcome] of cases) {
    it.effect(`treats a process ${situation} as ${outcome ? "ended" : "possibly running"}`, () =>
      Effect.map(hasExited(one, other), (dead) => expect(dead).toBe(outcome))
    )
  }
})

describe.skipIf(process.platform !== "linux")("processIdentity", () => {
  it.live("takes over the lock of a killed process that its parent has not waited for (a zombie)", () =>
    Effect.gen(function* () {
      const path = yield* lockFile
      // `sleep` replaced the shell and does not wait for the shell's children.
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
      writeLock(path, { ...(yield* currentProcess), pid, start: stat()[21] ?? "" })
      expect(yield* (yield* tryOnce).withLock(path)(Effect.succeed("taken"))).toBe("taken")
    }).pipe(Effect.scoped)
  )
})
