import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Random from "effect/Random"

/**
 * What all toxics have in common: `probability` is how likely a connection is to get it, from 0 (never) to 1 (always,
 * also when left out), drawn once for each connection and whenever the toxics are set.
 *
 * @since 0.1.0
 * @category models
 */
export interface Toxicity {
  readonly probability?: number | undefined
}

/**
 * Where a connection is cut: `after` so many bytes have passed since the connection opened, or since the toxics were
 * set, in the place of the next (0 when left out, which is the first byte). Of a pair, least and most, each connection
 * draws a number of its own.
 *
 * @since 0.1.0
 * @category models
 */
export interface ByteLimit extends Toxicity {
  readonly after?: number | readonly [least: number, most: number] | undefined
}

/**
 * A fault, as a value; the module's table says what each does. `delay` and `jitter` are durations (a delay is never
 * below 0), `bytes` and `bytesPerSecond` are at least 1.
 *
 * @since 0.1.0
 * @category models
 */
export type Toxic = Data.TaggedEnum<{
  readonly Latency: Toxicity & {
    readonly delay: Duration.DurationInput
    readonly jitter?: Duration.DurationInput | undefined
  }
  readonly Rate: Toxicity & { readonly bytesPerSecond: number }
  readonly Slice: Toxicity & { readonly bytes: number }
  readonly Reset: ByteLimit
  readonly Truncate: ByteLimit
  readonly HalfClose: ByteLimit
  readonly BlackHole: ByteLimit
}>

/**
 * The constructors of toxics: `Toxic.Latency({ delay: "100 millis" })`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const Toxic: Data.TaggedEnum.Constructor<Toxic> = Data.taggedEnum<Toxic>()

/**
 * The toxics of both directions; a direction that is left out has none.
 *
 * @since 0.1.0
 * @category models
 */
export interface Toxics {
  readonly up?: ReadonlyArray<Toxic> | undefined
  readonly down?: ReadonlyArray<Toxic> | undefined
}

export type Direction = "up" | "down"

/** The toxics that hold now, and who wants to know when others do. */
export class Switch {
  #toxics: Toxics
  #version = 0
  readonly #listeners = new Set<() => void>()

  constructor(toxics: Toxics) {
    this.#toxics = toxics
  }

  get version(): number {
    return this.#version
  }

  of(direction: Direction): ReadonlyArray<Toxic> {
    return this.#toxics[direction] ?? []
  }

  set(toxics: Toxics): void {
    this.#toxics = toxics
    this.#version++
    const listeners = [...this.#listeners]
    this.#listeners.clear()
    for (const tell of listeners) tell()
  }

  /** Waits until the toxics are set. */
  readonly changed: Effect.Effect<void> = Effect.async((resume) => {
    const tell = () => resume(Effect.void)
    this.#listeners.add(tell)
    return Effect.sync(() => this.#listeners.delete(tell))
  })
}

/** What cuts a connection, or holds it. */
export type Fault = Exclude<Toxic["_tag"], "Latency" | "Rate" | "Slice">

/** The toxics of a direction, as one connection has drawn them. */
export interface Drawn {
  readonly version: number
  /** In milliseconds: what comes is held back for `delay`, more or less by up to `jitter`. */
  readonly delay: number
  readonly jitter: number
  readonly bytesPerSecond: number
  /** The most bytes of a write. */
  readonly slice: number
  readonly fault: Fault | undefined
  /** How many bytes pass before the fault. */
  readonly after: number
}

const millis = (duration: Duration.DurationInput | undefined): number => Duration.toMillis(duration ?? 0)

const positionOf = ({ after = 0 }: ByteLimit, luck: number): number => {
  if (typeof after === "number") return after
  const [least, most] = after
  return least + Math.floor(luck * (most - least + 1))
}

const joined = (drawn: Drawn, toxic: Toxic, luck: number): Drawn => {
  switch (toxic._tag) {
    case "Latency":
      return { ...drawn, delay: drawn.delay + millis(toxic.delay), jitter: drawn.jitter + millis(toxic.jitter) }
    case "Rate":
      return { ...drawn, bytesPerSecond: Math.min(drawn.bytesPerSecond, toxic.bytesPerSecond) }
    case "Slice":
      return { ...drawn, slice: Math.min(drawn.slice, Math.max(1, toxic.bytes)) }
    case "Reset":
    case "Truncate":
    case "HalfClose":
    case "BlackHole": {
      const after = positionOf(toxic, luck)
      return after < drawn.after ? { ...drawn, fault: toxic._tag, after } : drawn
    }
  }
}

/** Draws for one connection. Two numbers for each toxic, needed or not: no toxic shifts the chance of another. */
export const draw = (toxics: Switch, direction: Direction, random: Random.Random): Effect.Effect<Drawn> =>
  Effect.gen(function* () {
    const most = Number.POSITIVE_INFINITY
    const { version } = toxics
    let drawn: Drawn = {
      version,
      delay: 0,
      jitter: 0,
      bytesPerSecond: most,
      slice: most,
      fault: undefined,
      after: most
    }
    for (const toxic of toxics.of(direction)) {
      const luck = yield* random.next
      const position = yield* random.next
      if (luck < (toxic.probability ?? 1)) drawn = joined(drawn, toxic, position)
    }
    return drawn
  })
