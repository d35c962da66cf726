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
  /** Longest duration of a read at a look, in milliseconds. */
  readonly slowestReadMs: number
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

/**
 * Operations of the store between two looks, and those with which the other process stores its outcome. So a slow store
 * extends both times.
 */
const operations = 4

/** A look of this process, which holds the lock, at a record that has an intent of another process. */
export interface Look {
  readonly version: number
  /** Duration of the read, in milliseconds. */
  readonly readMs: number
}

/** Continues an observation with a look, or begins another one. */
export const looked = (
  previous: Observation | undefined,
  { readMs, version }: Look,
  clock: Clock.Clock
): Observation => {
  const lastLook = new Stopwatch(clock)
  const continues = previous?.version === version && previous.lastLook.elapsed <= longestGapMs + operations * readMs
  return {
    version,
    slowestReadMs: continues ? Math.max(readMs, previous.slowestReadMs) : readMs,
    firstLook: continues ? previous.firstLook : lastLook,
    lastLook
  }
}

/** Whether the other process had enough time to store its outcome. */
export const isOver = ({ firstLook, slowestReadMs }: Observation): boolean =>
  firstLook.elapsedMonotonic >= Intent.graceMs + operations * slowestReadMs

/** Longest wait for the unfinished refresh of another process, in milliseconds. Others may begin one after the other. */
const longestWaitMs = 10_000

/** Maximum wait of one caller, in milliseconds. It is longer than the grace period. */
export const longestWaitOf = ({ slowestReadMs }: Observation): number => longestWaitMs + 2 * operations * slowestReadMs
