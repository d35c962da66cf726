import { describe, expect, it } from "@effect/vitest"
import { ofSystem } from "../../../src/internal/signIn/openBrowser.js"

describe("what opens URLs", () => {
  it("is a program of the system's own, and no shell", () => {
    expect(ofSystem("linux", {})).toEqual(["xdg-open"])
    expect(ofSystem("freebsd", {})).toEqual(["xdg-open"])
    expect(ofSystem("darwin", {})).toEqual(["/usr/bin/open"])
  })

  it("is found on Windows where the system is, and not in the working directory", () => {
    const handler = "url.dll,FileProtocolHandler"
    expect(ofSystem("win32", {})).toEqual(["C:\\Windows\\System32\\rundll32.exe", handler])
    expect(ofSystem("win32", { SystemRoot: "D:\\W" })).toEqual(["D:\\W\\System32\\rundll32.exe", handler])
  })
})
