import { describe, expect, it } from "@effect/vitest"
import { systemCommand } from "../../../src/internal/signIn/openBrowser.js"

describe("openBrowser", () => {
  it("selects a program of the system, not a shell", () => {
    expect(systemCommand("linux", {})).toEqual(["xdg-open"])
    expect(systemCommand("freebsd", {})).toEqual(["xdg-open"])
    expect(systemCommand("darwin", {})).toEqual(["/usr/bin/open"])
  })

  it("finds the program of Windows in SystemRoot, not in the working directory", () => {
    const handler = "url.dll,FileProtocolHandler"
    expect(systemCommand("win32", {})).toEqual(["C:\\Windows\\System32\\rundll32.exe", handler])
    expect(systemCommand("win32", { SystemRoot: "D:\\W" })).toEqual(["D:\\W\\System32\\rundll32.exe", handler])
  })
})
