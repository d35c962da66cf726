/** A TCP proxy in front of a server: it delays the data of the server, and can lose those that are on their way. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { once } from "node:events"
import type { Server, Socket } from "node:net"
import { connect, createServer } from "node:net"

/** A proxy that could not listen. */
export class LagProxyError extends Data.TaggedError("LagProxyError")<{ readonly cause: unknown }> {}

/** A proxy between clients and one server. */
export class LagProxy {
  readonly #server: Server
  readonly #delayMs: number
  readonly #sockets = new Set<Socket>()
  /** Port of the server that new connections lead to. */
  target: number

  constructor(target: number, delayMs: number) {
    this.target = target
    this.#delayMs = delayMs
    this.#server = createServer((client) => this.#forward(client))
  }

  /** Listens on a free port, and returns it. */
  async listen(): Promise<number> {
    this.#server.listen(0, "127.0.0.1")
    await once(this.#server, "listening")
    const address = this.#server.address()
    if (address === null || typeof address === "string") throw new Error("a TCP server has a port")
    return address.port
  }

  /** Ends all connections. Data that are on their way are lost, as if a machine had lost its power. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Ends all connections, and accepts no more. */
  close(): void {
    this.#server.close()
    this.cut()
  }

  #forward(client: Socket): void {
    const upstream = connect(this.target, "127.0.0.1")
    const both = [client, upstream]
    const end = () => {
      for (const socket of both) socket.destroy()
    }
    for (const socket of both) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      socket.on("error", end)
      socket.on("close", () => {
        this.#sockets.delete(socket)
        end()
      })
    }
    client.on("data", (data) => upstream.write(data))
    // Timers of one length fire in their order, so the data keep theirs.
    upstream.on("data", (data) => {
      if (this.#delayMs === 0) client.write(data)
      else setTimeout(() => client.write(data), this.#delayMs)
    })
  }
}

/** Starts a proxy, which runs until the scope closes. */
export const make = (
  target: number,
  delayMs: number
): Effect.Effect<{ readonly proxy: LagProxy; readonly port: number }, LagProxyError, Scope.Scope> =>
  Effect.gen(function* () {
    const proxy = yield* Effect.acquireRelease(
      Effect.sync(() => new LagProxy(target, delayMs)),
      (proxy) => Effect.sync(() => proxy.close())
    )
    const port = yield* Effect.tryPromise({
      try: () => proxy.listen(),
      catch: (cause) => new LagProxyError({ cause })
    })
    return { proxy, port }
  })
