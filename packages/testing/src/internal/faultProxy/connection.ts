import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Net from "node:net"
import { Inlet } from "./byteBuffer.js"
import type { Ending, Lane } from "./relayDirection.js"
import { pass } from "./relayDirection.js"

/** One connection: the client that opened it, and its server. */
export interface Connection extends Pick<Lane, "toxics" | "name" | "now" | "onCut"> {
  readonly client: Net.Socket
  readonly target: { readonly host: string; readonly port: number }
  /** Registers the server socket, so that it is closed with the others. */
  readonly track: (socket: Net.Socket) => void
}

/** Fails when a socket closes before both of its directions have ended. */
const broken = (sockets: ReadonlyArray<Net.Socket>): Effect.Effect<never, Ending> =>
  Effect.async((resume) => {
    for (const socket of sockets) {
      socket.once("close", () => {
        if (!socket.readableEnded || !socket.writableFinished) resume(Effect.fail("Reset"))
      })
    }
  })

/** Relays both directions until both end, or until a fault or a broken socket ends them. */
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
          // After a reset, the remaining sockets are reset too. Otherwise they are closed.
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
