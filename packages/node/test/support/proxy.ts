import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { IncomingMessage, Server } from "node:http"
import { createServer, request as httpRequest } from "node:http"
import type { ServerOptions } from "node:https"
import { createServer as createHttpsServer } from "node:https"
import type { Socket } from "node:net"
import * as Net from "node:net"
import { certificates } from "./certificates.js"
import type { TestServer } from "./server.js"
import { listen } from "./server.js"

/** A request as the proxy received it. */
interface ProxyRequest {
  readonly line: string
  readonly authorization: string | undefined
  readonly host: string | undefined
}

/** A proxy, the requests that it received, and the sockets of its tunnels to origins. */
export interface TestProxy extends TestServer {
  readonly requests: Array<ProxyRequest>
  readonly onward: Set<Socket>
  readonly server: Server
}

interface Options {
  /** The status of every response, instead of forwarding. */
  readonly rejectWith?: number
  /** Header fields of that response. */
  readonly headers?: Record<string, string>
  /** Listens with TLS. */
  readonly secure?: boolean
  /** Options of TLS. */
  readonly tls?: ServerOptions
}

/** Header fields of one connection, which a proxy does not forward: RFC 9110 §7.6.1. */
const hopByHop = new Set(["connection", "proxy-connection", "keep-alive", "proxy-authorization", "te", "upgrade"])

const forwardedFields = (raw: ReadonlyArray<string>): Array<string> =>
  raw.filter((_, at) => !hopByHop.has((raw[at - (at % 2)] ?? "").toLowerCase()))

/** Forwards requests and opens tunnels to 127.0.0.1, whatever the name in the URL is. */
const handle = (server: Server, state: Pick<TestProxy, "requests" | "onward">, options: Options) => {
  const { headers = {}, rejectWith: refuse } = options
  const record = (incoming: IncomingMessage) =>
    state.requests.push({
      line: `${incoming.method} ${incoming.url}`,
      authorization: incoming.headers["proxy-authorization"],
      host: incoming.headers.host
    })
  server.on("request", (incoming: IncomingMessage, outgoing) => {
    record(incoming)
    if (refuse !== undefined) return void outgoing.writeHead(refuse, headers).end("proxy")
    const { pathname, port, search } = new URL(incoming.url ?? "")
    const onward = httpRequest({
      host: "127.0.0.1",
      port,
      path: pathname + search,
      method: incoming.method ?? "GET",
      headers: forwardedFields(incoming.rawHeaders),
      setHost: false
    })
    onward.on("error", () => outgoing.destroy())
    onward.on("response", (response) =>
      response.pipe(outgoing.writeHead(response.statusCode ?? 0, forwardedFields(response.rawHeaders)))
    )
    incoming.pipe(onward)
  })
  server.on("connect", (incoming: IncomingMessage, socket: Socket) => {
    record(incoming)
    if (refuse !== undefined) {
      const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
      return void socket.end(`HTTP/1.1 ${refuse} No\r\n${fields.join("")}\r\n`)
    }
    const onward = Net.connect(Number(new URL(`http://${incoming.url}`).port), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n")
      socket.pipe(onward).pipe(socket)
    })
    state.onward.add(onward)
    onward.on("close", () => state.onward.delete(onward))
    onward.on("error", () => socket.destroy())
    socket.on("error", () => onward.destroy())
    socket.on("close", () => onward.destroy())
  })
}

/** A proxy in this process, which forwards and opens tunnels until the scope closes. */
export const proxy = (options: Options = {}): Effect.Effect<TestProxy, never, Scope.Scope> =>
  Effect.gen(function* () {
    const state = { requests: new Array<ProxyRequest>(), onward: new Set<Socket>() }
    const secure = options.secure === true
    const server: Server = secure ? createHttpsServer({ ...certificates?.server, ...options.tls }) : createServer()
    handle(server, state, options)
    return Object.assign(yield* listen(server, secure ? "https" : "http"), { ...state, server })
  })
