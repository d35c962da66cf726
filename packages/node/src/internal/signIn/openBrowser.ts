/** What has the system open a URL, and which URLs it is given. */
import * as Effect from "effect/Effect"
import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"

export type Command = readonly [program: string, ...rest: ReadonlyArray<string>]

const loopback: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"])

/** Characters that a URL may have as they are, and that are something else to scripts: they mean the same when encoded. */
const percentEncode = (url: string): string =>
  url.replace(/[^\w\-.~:/?#[\]@!*+,;=&%]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)

/** A URL as it is opened, which is ASCII and begins with http; undefined for one that is not opened. */
export const safeUrl = (text: string): string | undefined => {
  if (!URL.canParse(text)) return undefined
  const { hostname, href, password, protocol, username } = new URL(text)
  const isAllowed = protocol === "https:" || (protocol === "http:" && loopback.has(hostname))
  return isAllowed && username === "" && password === "" ? percentEncode(href) : undefined
}

/** By its whole path where a program of that name in the working directory would be taken for it. */
export const systemCommand = (platform: NodeJS.Platform, environment: NodeJS.ProcessEnv): Command => {
  if (platform === "darwin") return ["/usr/bin/open"]
  if (platform !== "win32") return ["xdg-open"]
  const { SystemRoot: root = "C:\\Windows" } = environment
  return [`${root}\\System32\\rundll32.exe`, "url.dll,FileProtocolHandler"]
}

/** Some openers end at once, and others with the browser: what runs for so long has found one. */
const startTimeoutMs = 3_000

const spawnDetached = ([program, ...rest]: Command, url: string): ChildProcess | undefined => {
  try {
    return spawn(program, [...rest, url], { stdio: "ignore", detached: true, shell: false, windowsHide: true })
  } catch {
    // A URL that is longer than an argument may be, for one.
    return undefined
  }
}

const cannotRun = Effect.fail("the program that opens URLs cannot be run")

const nothingOpened = Effect.fail("the program that opens URLs found nothing to open it with")

/** Runs a command with a URL as its last argument; fails with why it opened nothing. */
export const run = (command: Command, url: string): Effect.Effect<void, string> =>
  Effect.async<void, string>((resume) => {
    const child = spawnDetached(command, url)
    if (child === undefined) return resume(cannotRun)
    const timer = setTimeout(() => resume(Effect.void), startTimeoutMs)
    const end = (effect: Effect.Effect<void, string>) => {
      clearTimeout(timer)
      resume(effect)
    }
    child.once("error", () => end(cannotRun))
    child.once("exit", (code) => end(code === 0 ? Effect.void : nothingOpened))
    child.unref()
    return Effect.sync(() => clearTimeout(timer))
  })
