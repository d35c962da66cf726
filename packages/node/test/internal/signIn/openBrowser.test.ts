import { describe, expect, it } from "@effect/vitest"
import { systemCommand } from "../../../src/internal/signIn/openBrowser.js"

describe("what opens URLs", () => {
  it("is a program of the system's own, and no shell", () => {
    expect(systemCommand("linux", {})).toEqual(["xdg-open"])
    expect(systemCommand("freebsd", {})).toEqual(["xdg-open"])
    expect(systemCommand("darwin", {})).toEqual(["/usr/bin/open"])
  })

  it("is found on Windows where the system is, and not in the working directory", () => {
    const handler = "url.dll,FileProtocolHandler"
    expect(systemCommand("win32", {})).toEqual(["C:\\Windows\\System32\\rundll32.exe", handler])
    expect(systemCommand("win32", { SystemRoot: "D:\\W" })).toEqual(["D:\\W\\System32\\rundll32.exe", handler])
  })
})
