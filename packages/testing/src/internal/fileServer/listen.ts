/** The server over HTTP/1.1, and with a certificate over HTTP/2 too. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { IncomingMessage, ServerResponse } from "node:http"
import { createServer } from "node:http"
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2"
import { constants, createSecureServer } from "node:http2"
import type { AddressInfo, Server, Socket } from "node:net"
import type { Answer, Fault } from "./served.js"

/** A certificate and its key, in PEM. */
export interface Identity {
  readonly cert: string
  readonly key: string
}

type Incoming = IncomingMessage | Http2ServerRequest

export type Outgoing = ServerResponse | Http2ServerResponse

type Listener = (request: Incoming, response: Outgoing) => void

const start = (listener: Listener, tls: Identity | undefined): Server => {
  // Each of the two servers calls the listener with its own pair, which have the same members here.
  const server = tls === undefined ? createServer() : createSecureServer({ ...tls, allowHTTP1: true })
  server.on("request", listener)
  return server
}

/** Listens on a port of the loopback interface until the scope closes. Then all connections are closed. */
export const listen = (listener: Listener, tls: Identity | undefined): Effect.Effect<number, Error, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<{ readonly server: Server; readonly sockets: Set<Socket> }, Error>((resume) => {
        const server = start(listener, tls)
        const sockets = new Set<Socket>()
        server.on("connection", (socket) => {
          sockets.add(socket)
          socket.on("error", () => undefined)
          socket.once("close", () => sockets.delete(socket))
        })
        server.once("error", (error) => resume(Effect.fail(error)))
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed({ server, sockets })))
      }),
      ({ server, sockets }) =>
        Effect.sync(() => {
          server.close()
          sockets.forEach((socket) => socket.destroy())
        })
    ),
    // A server that listens on a port has an address with a port.
    ({ server }) => (server.address() as AddressInfo).port
  )

/** Time for the client to read what was sent, in milliseconds: the end of a connection overtakes bytes that are not read. */
const readingTime = 20

const close = (response: Outgoing): void => {
  if ("stream" in response) response.stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  else response.socket?.destroy()
}

/** Both responses have this method, with other parameters. */
const write = (response: Outgoing, bytes: Uint8Array, then: () => void): void => {
  if ("stream" in response) response.write(bytes, then)
  else response.write(bytes, then)
}

/** Sends a response, or the part of it that a fault leaves. */
export const send = (response: Outgoing, { body, headers, status }: Answer, fault: Fault = {}): void => {
  response.on("error", () => undefined)
  if ("stream" in response) response.writeHead(status, { ...headers })
  else response.writeHead(status, { ...headers })
  const limit = fault.cutAfter ?? fault.stopAfter
  const isLying = headers["content-length"] !== undefined && Number(headers["content-length"]) !== body.length
  if (limit === undefined && !isLying) return void response.end(body)
  const part = limit === undefined ? body : body.subarray(0, limit)
  const end = (): void => {
    if (fault.stopAfter === undefined) setTimeout(() => close(response), readingTime)
  }
  if (part.length > 0) return write(response, part, end)
  // Over HTTP/2, `writeHead` has sent the header.
  if (!("stream" in response)) response.flushHeaders()
  end()
}
