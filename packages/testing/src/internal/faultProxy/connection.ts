import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Net from "node:net"
import { Inlet } from "./byteBuffer.js"
import type { Ending, Lane } from "./relayDirection.js"
import { pass } from "./relayDirection.js"

/** One connection: the client that opened it, and the server that it is for. */
export interface Connection extends Pick<Lane, "toxics" | "name" | "now" | "onCut"> {
  readonly client: Net.Socket
  readonly target: { readonly host: string; readonly port: number }
  /** Tells of the socket to the server, so that it is closed with the others. */
  readonly track: (socket: Net.Socket) => void
}

/** Waits for a socket to break: one that ended in order had said all, and had heard all. */
const broken = (sockets: ReadonlyArray<Net.Socket>): Effect.Effect<never, Ending> =>
  Effect.async((resume) => {
    for (const socket of sockets) {
      socket.once("close", () => {
        if (!socket.readableEnded || !socket.writableFinished) resume(Effect.fail("Reset"))
      })
    }
  })

/** Passes on both directions until both have ended, or one fault or broken socket ends them. */
export const relay = ({ client, target, track, ...rest }: Connection): Effect.Effect<void> =>
  Effect.suspend(() => {
    const server = Net.connect({ ...target, allowHalfOpen: true, noDelay: true })
    track(server)
    const sockets = [client, server]
    const breaks = broken(sockets)
    const lanes = [
      pass({ ...rest, direction: "up", from: new Inlet(client, rest.now), to: server }),
      pass({ ...rest, direction: "down", from: new Inlet(server, rest.now), to: client })
    ]
    return Effect.raceFirst(Effect.all(lanes, { concurrency: "unbounded", discard: true }), breaks).pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          // Whoever is left learns of a reset as one, and of the rest as an end.
          const isReset = Exit.isFailure(exit) && Chunk.contains(Cause.failures(exit.cause), "Reset")
          for (const socket of sockets) {
            if (isReset) socket.resetAndDestroy()
            else socket.destroy()
          }
        })
      ),
      Effect.ignore
    )
  })
