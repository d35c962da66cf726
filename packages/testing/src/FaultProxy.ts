/**
 * A TCP proxy before a real server, whose faults are switched while it runs. It needs Node.
 *
 * | toxic | what it does to the bytes of one direction |
 * |---|---|
 * | `Latency` | delays each piece, more or less by a jitter; the order stays |
 * | `Rate` | so many bytes a second at most |
 * | `Slice` | at most so many bytes a write |
 * | `Reset` | both sides get a TCP reset (RST) in the place of a byte |
 * | `Truncate` | both sides are closed, in order (FIN), in the place of a byte |
 * | `HalfClose` | this direction ends in the place of a byte; the other one goes on |
 * | `BlackHole` | nothing passes from a byte on, and nobody is told; what has come passes when the toxic is taken away |
 *
 * `up` is what the client sends, `down` what the server sends. Several toxics of a direction work together: latencies
 * add up, the smallest rate and slice hold, and of the others the one whose byte comes first.
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
import { Switch } from "./internal/faultProxy/toxics.js"

export type { Toxicity, ByteLimit, Toxics } from "./internal/faultProxy/toxics.js"
export { Toxic } from "./internal/faultProxy/toxics.js"

/**
 * Which server to stand before, and how. `seed` makes chance the same in every run (0): what the third connection draws
 * depends on the seed and on its being the third, and on nothing that others do.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Toxics {
  readonly port: number
  /** `127.0.0.1` when left out. */
  readonly host?: string | undefined
  readonly seed?: number | string | undefined
}

/**
 * What a proxy has seen: connections that were opened, those that are open now, and how many were cut by `Reset`,
 * `Truncate` or `HalfClose`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Counts {
  readonly connections: number
  readonly open: number
  readonly cuts: number
}

/**
 * A running proxy, on a port of the loopback interface. `baseUrl` is that of an http server behind it, without a slash
 * at its end. `set` replaces all toxics, for connections that are open too, and at once: a piece that is being held
 * back is looked at again. `reset` gives every open connection a TCP reset, such as one that is idle.
 *
 * @since 0.1.0
 * @category services
 */
export class FaultProxy extends Context.Tag("@countersign/testing/FaultProxy")<
  FaultProxy,
  {
    readonly host: string
    readonly port: number
    readonly baseUrl: string
    readonly set: (toxics: Toxics) => Effect.Effect<void>
    readonly reset: Effect.Effect<void>
    readonly counts: Effect.Effect<Counts>
  }
>() {}

/**
 * Starts a proxy, which lives until the scope closes: then its port is closed, what is open is cut, and no socket, timer
 * or fiber is left. Delays are those of the Clock at hand.
 *
 * Fails with `ServeError` when no port can be had. A server that cannot be reached is one that resets its connections.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options
): Effect.Effect<Context.Tag.Service<FaultProxy>, HttpServerError.ServeError, Scope.Scope> =>
  Effect.gen(function* () {
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
 * {@link make} as a Layer.
 *
 * @example
 * import * as FaultProxy from "@countersign/testing/FaultProxy"
 *
 * // Every second connection breaks somewhere in the first kilobyte of what the server sends.
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
