/**
 * Progress bars for terminals.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { barText } from "./internal/progress/barText.js"
import { Rate } from "./internal/progress/rate.js"
import * as OptionNames from "./internal/options/optionNames.js"

/**
 * How far something is: bytes, as `Download.Progress` and `FileBody.Progress` have them, or a count of items.
 *
 * @since 0.1.0
 * @category models
 */
export type Update =
  | {
      /** Bytes so far. */
      readonly bytes: number
      /** All bytes. Undefined if unknown. */
      readonly total?: number | undefined
      /** Number of the send of an upload, from 1. */
      readonly send?: number | undefined
    }
  | {
      /** Items so far, such as pages. */
      readonly count: number
      /** All items. Undefined if unknown. */
      readonly total?: number | undefined
    }

/**
 * Where a bar is drawn: a stream such as `process.stderr`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Output {
  /** Whether it is a terminal. Otherwise nothing is written. */
  readonly isTTY?: boolean | undefined
  /** Width of the terminal in characters. */
  readonly columns?: number | undefined
  /** Writes a text. */
  readonly write: (text: string) => unknown
}

/**
 * Options of a bar.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Text before the bar, such as the name of the file (none). */
  readonly label?: string | undefined
  /** Name of the items that are counted (`items`). */
  readonly unit?: string | undefined
  /** Shortest time between two drawings (100 ms). */
  readonly every?: Duration.DurationInput | undefined
  /** Where the bar is drawn (`process.stderr`). */
  readonly output?: Output | undefined
}

const names: OptionNames.ShapeOf<Options> = {
  label: true,
  unit: true,
  every: "duration",
  output: true
}

/**
 * Default values of {@link Options}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = { unit: "items", every: "100 millis" } as const

/** Erases the rest of the line. */
const eraseRest = "\u001b[K"

/** Width of a terminal that does not report one. */
const usualColumns = 80

const doneOf = (update: Update): number => ("bytes" in update ? update.bytes : update.count)

const sendOf = (update: Update): number => ("bytes" in update ? (update.send ?? 1) : 1)

/** Draws on one line of a terminal. */
class Bar {
  readonly #options: Options
  readonly #output: Output
  readonly #everyMs: number
  #last: Update | undefined
  #begun = 0
  #drawn = Number.NEGATIVE_INFINITY
  #rate: Rate | undefined

  constructor(options: Options, output: Output) {
    this.#options = options
    this.#output = output
    this.#everyMs = Duration.toMillis(options.every ?? defaults.every)
  }

  readonly update = (update: Update): Effect.Effect<void> =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      const isNew =
        this.#last === undefined || sendOf(this.#last) !== sendOf(update) || doneOf(update) < doneOf(this.#last)
      if (isNew) {
        this.#begun = now
        this.#rate = new Rate(now, doneOf(update))
      }
      this.#last = update
      if (now - this.#drawn >= this.#everyMs) this.#draw(update, now)
    })

  /** Draws the last update, and ends the line. */
  readonly end: Effect.Effect<void> = Effect.map(Clock.currentTimeMillis, (now) => {
    if (this.#last === undefined) return
    this.#draw(this.#last, now)
    this.#output.write("\n")
  })

  #draw(update: Update, now: number): void {
    this.#drawn = now
    const { label = "", unit = defaults.unit } = this.#options
    const text = barText(
      {
        label,
        done: doneOf(update),
        total: update.total,
        unit: "bytes" in update ? undefined : unit,
        rate: this.#rate?.sample(now, doneOf(update)),
        send: sendOf(update),
        elapsedMs: now - this.#begun
      },
      // The cursor behind the last column would begin a new line.
      (this.#output.columns || usualColumns) - 1
    )
    this.#output.write(`\r${text}${eraseRest}`)
  }
}

/** A terminal that moves no cursor shows each drawing as text. */
const isTerminal = (output: Output): boolean => output.isTTY === true && process.env["TERM"] !== "dumb"

/**
 * Makes a progress bar on one line of a terminal: amount, rate and time left. It writes nothing if the output is no terminal.
 *
 * The result is a function for the option `onProgress` of downloads and uploads, and for counts. When the scope closes, the last
 * state is drawn and the line ends. Draw one bar at a time.
 *
 * Dies with a `TypeError` for an unknown option.
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as Auth from "@countersign/client/Auth"
 * import * as Download from "@countersign/node/Download"
 * import * as Progress from "@countersign/node/Progress"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const api = yield* ApiClient.make({ baseUrl: "https://api.example.com", auth: Auth.none })
 *   const onProgress = yield* Progress.bar({ label: "export.zip" })
 *   return yield* Download.toFile(api, "/export.zip", "export.zip", { onProgress })
 * }).pipe(Effect.scoped)
 *
 * @param options - label, unit, and where the bar is drawn.
 * @since 0.1.0
 * @category constructors
 */
export const bar = (
  options: Options = {}
): Effect.Effect<(update: Update) => Effect.Effect<void>, never, Scope.Scope> =>
  Effect.suspend(() => {
    const output = OptionNames.known("`Progress.bar`", options, names).output ?? process.stderr
    if (!isTerminal(output)) return Effect.succeed(() => Effect.void)
    const drawn = new Bar(options, output)
    return Effect.as(
      Effect.addFinalizer(() => drawn.end),
      drawn.update
    )
  })
