/** A free port of the loopback interface, for servers that cannot choose one themselves. */
import * as Effect from "effect/Effect"
import { createServer } from "node:net"

/** Ports below the ephemeral range, so that no client socket gets one between the test and the start of the server. */
const ports = { first: 20_000, count: 12_000 } as const

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once("error", () => {
      resolve(false)
    })
    server.listen(port, "127.0.0.1", () =>
      server.close(() => {
        resolve(true)
      })
    )
  })

/** Returns a free port below 32 768. Fails with `failed` of a detail. */
export const freePort = <E>(failed: (detail: string) => E): Effect.Effect<number, E> =>
  Effect.gen(function* () {
    for (let attempt = 0; attempt < 100; attempt++) {
      const random = crypto.getRandomValues(new Uint16Array(1))[0] ?? 0
      const port = ports.first + (random % ports.count)
      if (yield* Effect.promise(() => isFree(port))) return port
    }
    return yield* Effect.fail(failed("no port from 20000 to 31999 is free"))
  })
