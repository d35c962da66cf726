/** Faults during a refresh: the process that holds the lock is stopped for a while, or killed. */
import { randomInt } from "node:crypto"
import type { ProcessGroup } from "./processGroup.js"

/** Number of faults. */
interface FaultCounts {
  readonly stops: number
  readonly longestStopMs: number
  readonly kills: number
}

/** Whether the run is over, given the number of stops or kills so far. */
export type IsOver = (faults: number) => boolean

/** Injects faults into the processes until the run is over. */
export type InjectFaults = (group: ProcessGroup, isOver: IsOver) => Promise<FaultCounts>

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Stops a lock holder. After the stop it still holds the lock, so it cannot release it meanwhile. */
const stopLockHolder = async (group: ProcessGroup, isOver: () => boolean): Promise<number | undefined> => {
  while (!isOver()) {
    await sleep(randomInt(1, 12))
    const pid = group.lockHolder()
    if (pid === undefined) continue
    process.kill(pid, "SIGSTOP")
    if (group.isLockHolder(pid)) return pid
    process.kill(pid, "SIGCONT")
  }
  return undefined
}

/** Stops lock holders for the given milliseconds, one after the other. */
export const stopping =
  (lengths: ReadonlyArray<number>): InjectFaults =>
  async (group, isOver) => {
    let stops = 0
    let longestStopMs = 0
    for (;;) {
      const pid = await stopLockHolder(group, () => isOver(stops))
      if (pid === undefined) return { stops, longestStopMs: Math.round(longestStopMs), kills: 0 }
      const startedAt = performance.now()
      const length = lengths[stops % lengths.length] ?? 0
      await sleep(length)
      longestStopMs = Math.max(longestStopMs, performance.now() - startedAt)
      stops += 1
      process.kill(pid, "SIGCONT")
      // The processes run for a while, so that not always the same ones wait.
      await sleep(20 + randomInt(Math.ceil(length / 4), Math.ceil(length / 2) + 1))
    }
  }

/** Kills lock holders after some refreshes, and starts a process in place of each. */
export const killing: InjectFaults = async (group, isOver) => {
  let kills = 0
  while (group.server.counts.refreshes < 5 && !isOver(0)) await sleep(10)
  for (;;) {
    const pid = await stopLockHolder(group, () => isOver(kills))
    if (pid === undefined) return { stops: 0, longestStopMs: 0, kills }
    kills += 1
    await group.kill(pid)
    await sleep(randomInt(20, 200))
  }
}

/** Injects no faults. */
export const noFaults: InjectFaults = async (_, isOver) => {
  while (!isOver(1)) await sleep(50)
  return { stops: 0, longestStopMs: 0, kills: 0 }
}
