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
  /** What its chance hangs on. */
  readonly name: string
  readonly now: () => number
  readonly onCut: () => void
}

/** A fault that ends the connection as a whole. */
export type Ending = Extract<Fault, "Reset" | "Truncate">

/** A tenth of a second's bytes at a time: slow enough to be felt, and no timer a byte. */
const portion = (bytesPerSecond: number): number => Math.max(1, Math.floor(bytesPerSecond / 10))

/** Waits until the bytes are the kernel's; a socket that breaks meanwhile is its connection's concern. */
const write = (socket: Socket, bytes: Uint8Array): Effect.Effect<void> =>
  Effect.async((resume) => {
    socket.write(bytes, (error) => {
      if (error === undefined || error === null) resume(Effect.void)
    })
  })

/** Lets the event loop come round: writes of one turn arrive as one. */
const turn: Effect.Effect<void> = Effect.async((resume) => {
  setImmediate(() => resume(Effect.void))
})

/**
 * The time that bytes take to be read on the other side, which no clock of a test rules. libuv takes bytes with a reset
 * right behind them for bytes with an orderly end behind them.
 */
const arrival: Effect.Effect<void> = Effect.async((resume) => {
  const timer = setTimeout(() => resume(Effect.void), 5)
  return Effect.sync(() => clearTimeout(timer))
})

const end = (socket: Socket): Effect.Effect<void> =>
  Effect.async((resume) => {
    socket.end(() => resume(Effect.void))
  })

/** Passes on what comes, as the toxics say, until it ends. */
export const pass = ({ direction, from, name, now, onCut, to, toxics }: Lane): Effect.Effect<void, Ending> => {
  const random = Random.make(`${name}/${direction}`)
  let drawn: Drawn | undefined
  let passed = 0
  /** When the rate lets the next byte pass. */
  let free = 0

  const current = Effect.suspend(() => {
    if (drawn?.version === toxics.version) return Effect.succeed(drawn)
    passed = 0
    return Effect.tap(draw(toxics, direction, random), (fresh) => {
      drawn = fresh
    })
  })

  /** Holds a piece back; true when the toxics have changed meanwhile. `luck` is the jitter's, from 0 to 1. */
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

  /** After this direction has been closed, its sender does not know. */
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
        // An end takes no place: a cut leaves it alone, and only silence swallows it.
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
