/** Starts the program of the operating system that opens URLs, for safe URLs only. */
import * as Origin from "@countersign/protocol/Origin"
import * as Effect from "effect/Effect"
import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"

export type Command = readonly [program: string, ...rest: ReadonlyArray<string>]

/**
 * Percent-encodes the characters that are valid in a URL but that a script could interpret. The URL keeps its meaning.
 */
const percentEncode = (url: string): string =>
  url.replace(/[^\w\-.~:/?#[\]@!*+,;=&%]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)

/** The URL in ASCII if it is https, or http on loopback, without credentials. Undefined for any other text. */
export const safeUrl = (text: string): string | undefined => {
  if (!URL.canParse(text)) return undefined
  const { hostname, href, password, protocol, username } = new URL(text)
  const isAllowed = protocol === "https:" || (protocol === "http:" && Origin.isLoopbackHost(hostname))
  return isAllowed && username === "" && password === "" ? percentEncode(href) : undefined
}

/** The command that opens URLs. The full path keeps a program of that name in the working directory from being run. */
export const systemCommand = (platform: NodeJS.Platform, environment: NodeJS.ProcessEnv): Command => {
  if (platform === "darwin") return ["/usr/bin/open"]
  if (platform !== "win32") return ["xdg-open"]
  const { SystemRoot: root = "C:\\Windows" } = environment
  return [`${root}\\System32\\rundll32.exe`, "url.dll,FileProtocolHandler"]
}

/**
 * Some programs exit at once, others with the browser. A program that still runs after this time has opened the URL.
 */
const startTimeoutMs = 3_000

const spawnDetached = ([program, ...rest]: Command, url: string): ChildProcess | undefined => {
  try {
    return spawn(program, [...rest, url], { stdio: "ignore", detached: true, shell: false, windowsHide: true })
  } catch {
    // For example, the URL is longer than an argument may be.
    return undefined
  }
}

const cannotRun = Effect.fail("the program that opens URLs cannot be run")

const nothingOpened = Effect.fail("the program that opens URLs reported an error")

/** Runs a command with a URL as its last argument. Fails with the reason why nothing was opened. */
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
