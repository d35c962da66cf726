/** A server that responds to each script with given bytes, and as Redis does to the commands of a new connection. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { AddressInfo } from "node:net"
import { createServer } from "node:net"

const info = "redis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\nloading:0\r\n"
const replies: Readonly<Record<string, string>> = { info: `$${info.length}\r\n${info}\r\n` }

/** The names of the commands in a chunk. Chunks of the loopback interface end with a command. */
const commandsIn = (chunk: string): ReadonlyArray<string> =>
  [...chunk.matchAll(/\*\d+\r\n\$\d+\r\n([a-z]+)\r\n/gi)].map(([, name = ""]) => name.toLowerCase())

/** Returns the URL of a server. `reply` is called for each script. */
export const scriptedServer = (reply: () => string): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<ReturnType<typeof createServer>>((resume) => {
      const server = createServer((socket) => {
        socket.on("error", () => undefined)
        socket.on("data", (chunk) => {
          for (const name of commandsIn(chunk.toString("latin1"))) {
            socket.write(/^eval/.test(name) ? reply() : (replies[name] ?? "+OK\r\n"))
          }
        })
      })
      server.listen(0, "127.0.0.1", () => {
        resume(Effect.succeed(server))
      })
    }),
    (server) => Effect.sync(() => void server.close())
  ).pipe(
    // A server that listens on TCP has such an address.
    Effect.map((server) => `redis://127.0.0.1:${(server.address() as AddressInfo).port}`)
  )
