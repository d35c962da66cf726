import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { Socket } from "node:net"
import type { Inlet, Piece } from "./byteBuffer.js"
import type { Direction, Drawn, Fault, Switch } from "./toxics.js"
import { draw } from "./toxics.js"

/** One direction of a connection. */
export interface Lane {
  readonly direction: Direction
  readonly from: Inlet
  readonly to: Socket
  readonly toxics: Switch
  /** Seed of the random numbers. */
  readonly name: string
  readonly now: () => number
  readonly onCut: () => void
}

/** A fault that ends the whole connection. */
export type Ending = Extract<Fault, "Reset" | "Truncate">

/** Bytes per 100 ms: small enough to take effect, and without a timer per byte. */
const portion = (bytesPerSecond: number): number => Math.max(1, Math.floor(bytesPerSecond / 10))

/** Waits until the kernel accepted the bytes. A socket error is handled by the connection. */
const write = (socket: Socket, bytes: Uint8Array): Effect.Effect<void> =>
  Effect.async((resume) => {
    socket.write(bytes, (error) => {
      if (error === undefined || error === null) resume(Effect.void)
    })
  })

/** Waits one turn of the event loop, because writes of one turn arrive as one. */
const turn: Effect.Effect<void> = Effect.async((resume) => {
  setImmediate(() => resume(Effect.void))
})

/**
 * Real time for bytes to arrive, regardless of the Clock. libuv reports a reset right after bytes as an orderly end. The
 * turn afterwards lets a receiver in this process read them, if its event loop was blocked for the whole time.
 */
const arrival: Effect.Effect<void> = Effect.zipRight(
  Effect.async<void>((resume) => {
    const timer = setTimeout(() => resume(Effect.void), 5)
    return Effect.sync(() => clearTimeout(timer))
  }),
  turn
)

const end = (socket: Socket): Effect.Effect<void> =>
  Effect.async((resume) => {
    socket.end(() => resume(Effect.void))
  })

/** Relays chunks through the toxics until the end. */
export const pass = ({ direction, from, name, now, onCut, to, toxics }: Lane): Effect.Effect<void, Ending> => {
  const random = Random.make(`${name}/${direction}`)
  let drawn: Drawn | undefined
  let passed = 0
  /** Time at which the rate allows the next byte. */
  let free = 0

  const current = Effect.suspend(() => {
    if (drawn?.version === toxics.version) return Effect.succeed(drawn)
    passed = 0
    return Effect.tap(draw(toxics, direction, random), (fresh) => {
      drawn = fresh
    })
  })

  /** Delays a chunk. Returns true when the toxics changed meanwhile. `luck` (0 to 1) determines the jitter. */
  const hold = ({ delay, jitter, version }: Drawn, { at }: Piece, luck: number): Effect.Effect<boolean> => {
    const due = Math.max(at + Math.max(0, delay + (2 * luck - 1) * jitter), free)
    if (due <= now()) return Effect.succeed(false)
    const waited = Effect.raceFirst(Effect.sleep(due - now()), toxics.changed)
    return Effect.map(waited, () => version !== toxics.version)
  }

  const cut = (fault: Fault): Effect.Effect<void, Ending> => {
    if (fault === "BlackHole") return toxics.changed
    onCut()
    if (fault === "Reset") return Effect.zipRight(passed === 0 ? Effect.void : arrival, Effect.fail(fault))
    const ended = end(to)
    return fault === "Truncate" ? Effect.zipRight(ended, Effect.fail(fault)) : Effect.zipRight(ended, swallow)
  }

  /** Discards further chunks, because the sender does not know that this direction is closed. */
  const swallow: Effect.Effect<void> = Effect.asVoid(Effect.repeat(from.take, { until: ({ isEnd }) => isEnd }))

  const send = (bytes: Uint8Array, { after, bytesPerSecond, slice }: Drawn) => {
    const length = Math.min(bytes.length, slice, after - passed, portion(bytesPerSecond))
    passed += length
    free = Math.max(free, now()) + (length / bytesPerSecond) * 1000
    const written = write(to, bytes.subarray(0, length))
    return Effect.as(length < slice ? written : Effect.zipRight(written, turn), bytes.subarray(length))
  }

  return Effect.gen(function* () {
    for (;;) {
      const piece = yield* from.take
      const luck = yield* random.next
      let left = piece.bytes
      for (;;) {
        const toxic = yield* current
        if (yield* hold(toxic, piece, luck)) continue
        // An end has no bytes: only a black hole swallows it.
        const isCut = passed >= toxic.after && (left.length > 0 || toxic.fault === "BlackHole")
        if (isCut && toxic.fault !== undefined) {
          yield* cut(toxic.fault)
          if (toxic.fault === "HalfClose") return
        } else if (left.length === 0) break
        else left = yield* send(left, toxic)
      }
      if (piece.isEnd) return yield* end(to)
    }
  })
}
