/** Servers with bare TCP and TLS on the loopback interface, which record every byte that they receive. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { AddressInfo, Server, Socket } from "node:net"
import * as Net from "node:net"
import * as Tls from "node:tls"
import * as Stress from "../Stress.js"
import type { Certificates } from "./certificates.js"
import type { Answer, FakeServers } from "./fakeServers.js"
import type { Network } from "./network.js"

type Scheme = "http" | "https"

/** Length of the request at the start of a text. Undefined while it is incomplete. */
const lengthOf = (text: string): number | undefined => {
  const end = text.indexOf("\r\n\r\n")
  if (end === -1) return undefined
  const head = text.slice(0, end + 2).toLowerCase()
  if (head.includes("\r\ntransfer-encoding: chunked\r\n")) {
    const last = text.indexOf("\r\n0\r\n\r\n", end)
    return last === -1 ? undefined : last + 7
  }
  const length = end + 4 + Number(/\r\ncontent-length: *(\d+)\r\n/.exec(head)?.[1] ?? 0)
  return text.length < length ? undefined : length
}

/** The origin according to the Host header, if it has the port of this server. Otherwise a text that is no origin. */
const originOf = (scheme: Scheme, port: number, text: string): string => {
  const host = /\r\nhost: *([^\r]*)\r\n/i.exec(text)?.[1] ?? ""
  const url = URL.canParse(`${scheme}://${host}`) ? new URL(`${scheme}://${host}`) : undefined
  return url?.port === String(port) ? url.origin : `${scheme} at ${port}`
}

const write = (socket: Socket, answer: Answer, isHead: boolean): void => {
  if (answer === "cut") return void socket.destroy()
  const { body, headers, status } = answer
  const fields = Object.entries({ ...headers, "content-length": String(body.length) })
  const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")
  socket.write(`HTTP/1.1 ${status} Status\r\n${head}\r\n${isHead ? "" : body}`, "latin1")
}

const handleSocket = (servers: FakeServers, scheme: Scheme, port: number, socket: Socket): void => {
  let pending = ""
  const take = (text: string): void => {
    const answer = servers.take({ origin: originOf(scheme, port, text), text })
    write(socket, answer, text.startsWith("HEAD "))
  }
  socket.on("data", (bytes) => {
    pending += bytes.toString("latin1")
    for (let length = lengthOf(pending); length !== undefined; length = lengthOf(pending)) {
      const whole = pending.slice(0, length)
      pending = pending.slice(length)
      take(whole)
    }
  })
  socket.on("close", () => {
    // An incomplete request is received too.
    if (pending !== "") servers.take({ origin: originOf(scheme, port, pending), text: `part of ${pending}` })
  })
  socket.on("error", () => undefined)
}

const listening = (server: Server, host: string, port: number) =>
  Effect.async<number, Stress.CannotRun>((resume) => {
    server.on("error", (cause) => resume(Effect.fail(Stress.cannotRun(cause))))
    server.listen({ host, port, backlog: 1024 }, () =>
      // The address of a listening TCP server is an object.
      resume(Effect.succeed((server.address() as AddressInfo).port))
    )
  })

const serverAt = (make: (handleSocket: (socket: Socket) => void) => Server, servers: FakeServers, scheme: Scheme) => {
  const open = (host: string, wanted: number) =>
    Effect.acquireRelease(
      Effect.suspend(() => {
        const sockets = new Set<Socket>()
        let bound = wanted
        const server = make((socket) => {
          sockets.add(socket)
          socket.on("close", () => sockets.delete(socket))
          handleSocket(servers, scheme, bound, socket)
        })
        return Effect.map(listening(server, host, wanted), (port) => {
          bound = port
          return { port, server, sockets }
        })
      }),
      ({ server, sockets }) =>
        Effect.async<void>((resume) => {
          server.close(() => resume(Effect.void))
          for (const socket of sockets) socket.destroy()
        })
    )
  return Effect.flatMap(open("127.0.0.1", 0), ({ port }) =>
    // Without IPv6 no server listens there, and requests fail as if they were refused.
    Effect.as(Effect.ignore(open("::1", port)), port)
  )
}

/** Three servers per scheme, each on 127.0.0.1 and on ::1. */
export const serve = (
  servers: FakeServers,
  { cert, key }: Certificates
): Effect.Effect<Network["portOf"], Stress.CannotRun, Scope.Scope> => {
  const http = serverAt((use) => Net.createServer(use), servers, "http")
  const https = serverAt((use) => Tls.createServer({ cert, key }, use), servers, "https")
  const three = (one: typeof http) => Effect.all({ a: one, b: one, c: one })
  return Effect.map(Effect.all({ http: three(http), https: three(https) }), (ports) => (server, scheme, wanted) => {
    return ports[scheme][server === "b" && wanted === "same" ? "a" : server]
  })
}
