/**
 * How long this process has observed the unfinished refresh of another process, where both may be on different machines.
 *
 * Their wall clocks may differ, and the store may have been unreachable for the other process too. So the grace period counts
 * by the own monotonic clock, from when this process first saw the intent, and only while it has looked again and again.
 */
import type { TokenError } from "../../Errors.js"
import type * as Clock from "effect/Clock"
import { Stopwatch } from "../concurrency/stopwatch.js"
import * as Intent from "./intent.js"

/** The record with this version has had an intent since the first look, and at the last one. */
export interface Observation {
  readonly version: number
  readonly firstLook: Stopwatch
  readonly lastLook: Stopwatch
}

/** The refresh is awaited, and the attempt of this process has failed with this error. */
export interface Awaited extends Observation {
  readonly error: TokenError
}

/** Time between two looks, in milliseconds. */
export const lookMs = 1_000

/** With a longer time between two looks, the grace period begins again: the store may have been unreachable meanwhile. */
const longestGapMs = 2_000

/** This process, which holds the lock, has read a record that has an intent of another process. */
export const looked = (previous: Observation | undefined, version: number, clock: Clock.Clock): Observation => {
  const lastLook = new Stopwatch(clock)
  const continues = previous?.version === version && previous.lastLook.elapsed <= longestGapMs
  return { version, firstLook: continues ? previous.firstLook : lastLook, lastLook }
}

/** Whether the other process had enough time to store its outcome. */
export const isOver = ({ firstLook }: Observation): boolean => firstLook.elapsedMonotonic >= Intent.graceMs
