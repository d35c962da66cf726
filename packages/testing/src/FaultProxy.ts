/**
 * TCP proxy that injects network faults in front of a real server. Its faults can change while it runs. It requires Node.
 *
 * | toxic | effect on the bytes of one direction |
 * |---|---|
 * | `Latency` | delays each chunk, with jitter, and keeps the order |
 * | `Rate` | limits the bytes per second |
 * | `Slice` | limits the bytes per write |
 * | `Reset` | resets both sides (RST) at a byte offset |
 * | `Truncate` | closes both sides in order (FIN) at a byte offset |
 * | `HalfClose` | ends this direction at a byte offset; the other direction continues |
 * | `BlackHole` | passes nothing from a byte offset on, without an error; removing the toxic passes what arrived meanwhile |
 *
 * `up` is the direction from the client to the server, `down` the other one. Several toxics of a direction combine: latencies
 * add up, the smallest rate and slice apply, and of the other toxics the one with the lowest byte offset.
 *
 * @since 0.1.0
 */
import * as HttpServerError from "@effect/platform/HttpServerError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { relay } from "./internal/faultProxy/connection.js"
import * as Listener from "./internal/faultProxy/listener.js"
import type { Toxics } from "./internal/faultProxy/toxics.js"
import { Switch, toxicsNames } from "./internal/faultProxy/toxics.js"
import * as OptionNames from "./internal/options/optionNames.js"

export type { Toxicity, ByteLimit, Toxics } from "./internal/faultProxy/toxics.js"
export { Toxic } from "./internal/faultProxy/toxics.js"

/**
 * Options of a proxy: the server behind it, its toxics, and the seed of random numbers.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Toxics {
  /** Port of the server. */
  readonly port: number
  /** Host of the server (`127.0.0.1`). */
  readonly host?: string | undefined
  /**
   * Seed of random numbers (0). The numbers of a connection depend only on the seed and on its position, so each run is the
   * same.
   */
  readonly seed?: number | string | undefined
}

const names: OptionNames.ShapeOf<Options> = { ...toxicsNames, port: "size", host: true, seed: true }

/**
 * Counters of a proxy.
 *
 * @since 0.1.0
 * @category models
 */
export interface Counts {
  /** Connections that clients opened. */
  readonly connections: number
  /** Connections that are open now. */
  readonly open: number
  /** Connections that `Reset`, `Truncate` or `HalfClose` cut. */
  readonly cuts: number
}

/**
 * Tag of a running proxy, which listens on a port of the loopback interface.
 *
 * @since 0.1.0
 * @category services
 */
export class FaultProxy extends Context.Tag("@countersign/testing/FaultProxy")<
  FaultProxy,
  {
    /** Host that the proxy listens on: `127.0.0.1`. */
    readonly host: string
    /** Port that the proxy listens on. */
    readonly port: number
    /** URL of an http server behind the proxy, without a trailing slash. */
    readonly baseUrl: string
    /** Replaces all toxics at once, also for open connections and delayed bytes. */
    readonly set: (toxics: Toxics) => Effect.Effect<void>
    /** Resets every open connection (RST), idle ones too. */
    readonly reset: Effect.Effect<void>
    /** Reads the counters. */
    readonly counts: Effect.Effect<Counts>
  }
>() {}

/**
 * Starts a proxy, which runs until the scope closes. Then its port and all connections are closed, and no socket, timer or
 * fiber remains. Delays use the Clock of the context.
 *
 * Fails with `ServeError` when no port is available. When the proxy cannot reach the server, it resets the connection.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options
): Effect.Effect<Context.Tag.Service<FaultProxy>, HttpServerError.ServeError, Scope.Scope> =>
  Effect.gen(function* () {
    OptionNames.known("`FaultProxy`", options, names)
    const toxics = new Switch({ up: options.up, down: options.down })
    const clock = yield* Effect.clock
    const runFork = yield* FiberSet.makeRuntime<never>()
    const target = { host: options.host ?? "127.0.0.1", port: options.port }
    let [connections, cuts] = [0, 0]
    const listener = yield* Effect.mapError(
      Listener.listen((client, track) => {
        const name = `${options.seed ?? 0}/${connections++}`
        const now = () => clock.unsafeCurrentTimeMillis()
        runFork(relay({ client, target, track, toxics, name, now, onCut: () => void cuts++ }))
      }),
      (cause) => new HttpServerError.ServeError({ cause })
    )
    const host = "127.0.0.1"
    const { open, port, reset } = listener
    return {
      host,
      port,
      baseUrl: `http://${host}:${port}`,
      set: (next: Toxics) => Effect.sync(() => toxics.set(next)),
      reset: Effect.sync(reset),
      counts: Effect.sync(() => ({ connections, open: open(), cuts }))
    }
  })

/**
 * Layer with a running proxy, see {@link make}.
 *
 * @example
 * import * as FaultProxy from "@countersign/testing/FaultProxy"
 *
 * // Every second connection is reset within the first kilobyte from the server.
 * const Unreliable = FaultProxy.layer({
 *   port: 8080,
 *   down: [FaultProxy.Toxic.Reset({ after: [0, 1024], probability: 0.5 })]
 * })
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<FaultProxy, HttpServerError.ServeError> =>
  Layer.scoped(FaultProxy, make(options))
