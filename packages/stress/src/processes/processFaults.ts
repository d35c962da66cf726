/** What happens to processes in the middle of a refresh: whoever holds the lock is stopped for a while, or killed. */
import { randomInt } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import type { ProcessGroup } from "./processGroup.js"

/** What was done. */
interface Disturbed {
  readonly stops: number
  readonly longestStopMs: number
  readonly kills: number
}

/** Tells whether the time is over, given how often holders were stopped or killed. */
export type IsOver = (disturbances: number) => boolean

/** Disturbs the processes until the time is over. */
export type Disturb = (party: ProcessGroup, isOver: IsOver) => Promise<Disturbed>

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const lockOfKey = /\.[0-9a-f]{32}\.lock$/

/** Who holds the lock of the key, as its file says; of those that come and go, the file may be gone already. */
const holder = (path: string): number | undefined => {
  try {
    const name = readdirSync(dirname(path)).find((name) => lockOfKey.test(name))
    if (name === undefined) return undefined
    // What our own lock writes.
    return (JSON.parse(readFileSync(join(dirname(path), name), "utf8")) as { readonly pid: number }).pid
  } catch {
    return undefined
  }
}

/** Stops a holder at some moment while it holds; it is one for sure, since it does not let go while it is stopped. */
const caught = async (party: ProcessGroup, isOver: () => boolean): Promise<number | undefined> => {
  while (!isOver()) {
    await sleep(randomInt(1, 12))
    const pid = holder(party.path)
    if (pid === undefined || !party.has(pid)) continue
    process.kill(pid, "SIGSTOP")
    if (holder(party.path) === pid) return pid
    process.kill(pid, "SIGCONT")
  }
  return undefined
}

/** Stops holders for so many milliseconds, one after the other. */
export const stopping =
  (lengths: ReadonlyArray<number>): Disturb =>
  async (party, isOver) => {
    let stops = 0
    let longestStopMs = 0
    for (;;) {
      const pid = await caught(party, () => isOver(stops))
      if (pid === undefined) return { stops, longestStopMs: Math.round(longestStopMs), kills: 0 }
      const begun = performance.now()
      const length = lengths[stops % lengths.length] ?? 0
      await sleep(length)
      longestStopMs = Math.max(longestStopMs, performance.now() - begun)
      stops += 1
      process.kill(pid, "SIGCONT")
      // They get on for a while, so that it is not always the same ones that wait.
      await sleep(20 + randomInt(Math.ceil(length / 4), Math.ceil(length / 2) + 1))
    }
  }

/** Kills holders, once all has gone well for a while, and starts another process in the place of each. */
export const killing: Disturb = async (party, isOver) => {
  let kills = 0
  while (party.server.counts.refreshes < 5 && !isOver(0)) await sleep(10)
  for (;;) {
    const pid = await caught(party, () => isOver(kills))
    if (pid === undefined) return { stops: 0, longestStopMs: 0, kills }
    kills += 1
    await party.kill(pid)
    await sleep(randomInt(20, 200))
  }
}

/** Leaves everybody alone. */
export const noFaults: Disturb = async (_, isOver) => {
  while (!isOver(1)) await sleep(50)
  return { stops: 0, longestStopMs: 0, kills: 0 }
}
