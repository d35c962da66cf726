import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { RequestListener, Server } from "node:http"
import { createServer } from "node:http"
import type { Server as TcpServer, Socket } from "node:net"
import * as Net from "node:net"

/** A server of a single test, which records the paths of requests and counts connections. */
export interface TestServer {
  readonly url: string
  readonly paths: Array<string | undefined>
  readonly sockets: Set<Socket>
  connections: number
}

type Listening = TcpServer & Partial<Pick<Server, "closeAllConnections">>

/** Listens on a port of this machine, or on the socket file at `path`, until the scope closes. */
export const listen = (
  server: Listening,
  scheme = "http",
  path?: string
): Effect.Effect<TestServer, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<TestServer>((resume) => {
      const state: TestServer = { url: "", paths: [], sockets: new Set(), connections: 0 }
      server.on("connection", (socket: Socket) => {
        state.connections += 1
        state.sockets.add(socket)
        socket.on("error", () => undefined)
        socket.on("close", () => state.sockets.delete(socket))
      })
      server.on("request", ({ url }: { readonly url?: string }) => void state.paths.push(url))
      const listening = () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? `:${address.port}` : ""
        resume(Effect.succeed(Object.assign(state, { url: `${scheme}://127.0.0.1${port}` })))
      }
      if (path === undefined) server.listen(0, "127.0.0.1", listening)
      else server.listen(path, listening)
    }),
    ({ sockets }) =>
      Effect.sync(() => {
        sockets.forEach((socket) => socket.destroy())
        server.close()
      })
  )

/** An HTTP server. */
export const serve = (listener: RequestListener): Effect.Effect<TestServer, never, Scope.Scope> =>
  listen(createServer(listener))

/** A TCP server that calls `answer` when bytes arrive on a connection. */
export const serveRaw = (
  answer: (socket: Socket, request: string) => void
): Effect.Effect<TestServer, never, Scope.Scope> =>
  listen(Net.createServer((socket) => socket.on("data", (data) => answer(socket, data.toString("latin1")))))

/** The first system or undici code in a chain of causes. */
export const codeOf = (error: unknown): string | undefined => {
  if (typeof error !== "object" || error === null) return undefined
  if ("code" in error && typeof error.code === "string") return error.code
  return "cause" in error ? codeOf(error.cause) : undefined
}

const afterTurns = (count: number, run: () => void): void =>
  count === 0 ? run() : void setImmediate(() => afterTurns(count - 1, run))

/**
 * Runs something after both ends of a connection have read what was sent: a reset overtakes bytes that are not read. Client
 * and server share this event loop. A busy event loop runs due timers before it reads, so the time alone is not enough.
 */
export const afterReading = (run: () => void, millis = 20): void => void setTimeout(() => afterTurns(20, run), millis)

/** Completes after both ends of a connection have read what was sent. */
export const bothEndsRead: Effect.Effect<void> = Effect.async((resume) => afterReading(() => resume(Effect.void)))

/** Waits until `condition` returns true. The limit only ends a test that hangs. */
export const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.asVoid(Effect.repeat(Effect.sleep("2 millis"), { until: condition })).pipe(
    Effect.timeoutFail({ duration: "1 minute", onTimeout: () => new Error("the condition is still false") }),
    Effect.orDie
  )
