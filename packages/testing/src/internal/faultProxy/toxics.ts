import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Random from "effect/Random"
import * as OptionNames from "../options/optionNames.js"

/**
 * Probability of a toxic.
 *
 * @since 0.1.0
 * @category models
 */
export interface Toxicity {
  /**
   * Probability that a connection gets the toxic, from 0 (never) to 1 (always, default). It is drawn once per connection, and
   * again when the toxics are set.
   */
  readonly probability?: number | undefined
}

/**
 * Byte offset of a toxic that cuts connections.
 *
 * @since 0.1.0
 * @category models
 */
export interface ByteLimit extends Toxicity {
  /**
   * Number of bytes that pass before the cut, counted from the opening of the connection or from the last `set` (0). From a
   * pair (least, most), each connection draws a number.
   */
  readonly after?: number | readonly [least: number, most: number] | undefined
}

/**
 * A network fault in one direction. The table of the module describes each. `bytes` and `bytesPerSecond` are at least 1, and a
 * negative delay counts as 0.
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
 * Constructors of toxics, for example `Toxic.Latency({ delay: "100 millis" })`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const Toxic: Data.TaggedEnum.Constructor<Toxic> = Data.taggedEnum<Toxic>()

/**
 * Toxics of both directions.
 *
 * @since 0.1.0
 * @category models
 */
export interface Toxics {
  /** Toxics of the direction from the client to the server (none). */
  readonly up?: ReadonlyArray<Toxic> | undefined
  /** Toxics of the direction from the server to the client (none). */
  readonly down?: ReadonlyArray<Toxic> | undefined
}

/** The names of the toxics of both directions. */
export const toxicsNames: OptionNames.ShapeOf<Toxics> = { up: true, down: true }

const byteLimitNames: OptionNames.ShapeOf<ByteLimit> = { probability: "ratio", after: true }

type Names<Tag extends Toxic["_tag"]> = OptionNames.ShapeOf<Omit<Extract<Toxic, { readonly _tag: Tag }>, "_tag">>

const toxicNames: { readonly [Tag in Toxic["_tag"]]: Names<Tag> } = {
  Latency: { probability: "ratio", delay: "duration", jitter: "duration" },
  Rate: { probability: "ratio", bytesPerSecond: "factor" },
  Slice: { probability: "ratio", bytes: "size" },
  Reset: byteLimitNames,
  Truncate: byteLimitNames,
  HalfClose: byteLimitNames,
  BlackHole: byteLimitNames
}

/** Throws for a toxic with an unknown name, else returns the toxics. */
const known = (toxics: Toxics): Toxics => {
  OptionNames.known("`FaultProxy`", toxics, toxicsNames)
  for (const { _tag, ...toxic } of [...(toxics.up ?? []), ...(toxics.down ?? [])]) {
    OptionNames.known(`\`Toxic.${_tag}\``, toxic, toxicNames[_tag])
  }
  return toxics
}

export type Direction = "up" | "down"

/** The current toxics, and the listeners for their changes. */
export class Switch {
  #toxics: Toxics
  #version = 0
  readonly #listeners = new Set<() => void>()

  constructor(toxics: Toxics) {
    this.#toxics = known(toxics)
  }

  get version(): number {
    return this.#version
  }

  of(direction: Direction): ReadonlyArray<Toxic> {
    return this.#toxics[direction] ?? []
  }

  set(toxics: Toxics): void {
    this.#toxics = known(toxics)
    this.#version++
    const listeners = [...this.#listeners]
    this.#listeners.clear()
    for (const tell of listeners) tell()
  }

  /** Waits for the next change of the toxics. */
  readonly changed: Effect.Effect<void> = Effect.async((resume) => {
    const tell = () => resume(Effect.void)
    this.#listeners.add(tell)
    return Effect.sync(() => this.#listeners.delete(tell))
  })
}

/** Toxics that cut or block a connection. */
export type Fault = Exclude<Toxic["_tag"], "Latency" | "Rate" | "Slice">

/** The toxics of a direction as drawn for one connection. */
export interface Drawn {
  readonly version: number
  /** Delay and jitter in milliseconds: a chunk waits for `delay`, plus or minus up to `jitter`. */
  readonly delay: number
  readonly jitter: number
  readonly bytesPerSecond: number
  /** Maximum bytes per write. */
  readonly slice: number
  readonly fault: Fault | undefined
  /** Bytes that pass before the fault. */
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

/**
 * Draws the toxics of a connection. Each toxic draws two numbers, needed or not, so that no toxic changes those of another.
 */
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
