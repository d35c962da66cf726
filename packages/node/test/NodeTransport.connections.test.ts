/** Which hosts and addresses the transport connects to, and how it verifies them. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { createServer } from "node:http"
import { createSecureServer } from "node:http2"
import { createServer as createHttpsServer } from "node:https"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { TLSSocket } from "node:tls"
import { certificates } from "./support/certificates.js"
import { codeOf, listen, serveRaw, serve } from "./support/server.js"

const text = (url: string) => Effect.flatMap(HttpClient.get(url), (response) => response.text)
const typedError = (baseUrl: string) =>
  Effect.flatMap(ApiClient.make({ baseUrl, auth: Auth.none, retry: false }), (api) => Effect.flip(api.get("/")))
const over = (options: NodeTransport.Options) => Effect.provide(NodeTransport.layerWith(options))
const none = { ca: "", server: { cert: "", key: "" }, client: { cert: "", key: "" } }
const { ca, client, server: identity } = certificates ?? none

describe.skipIf(certificates === undefined)("NodeTransport", () => {
  const server = listenTls({ ...identity })

  it.live("rejects a certificate of an unknown authority and accepts one of tls.ca", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      const error = yield* Effect.flip(text(url)).pipe(over({}))
      expect(codeOf(error)).toMatch(/SELF_SIGNED_CERT|UNABLE_TO_/)
      const typed = yield* typedError(url).pipe(over({}))
      expect(typed).toMatchObject({ _tag: "TransportError", reason: "Tls", sent: "no" })
      expect(yield* text(url).pipe(over({ tls: { ca } }))).toBe("unknown")
    }).pipe(Effect.scoped)
  )

  it.live("verifies certificates although NODE_TLS_REJECT_UNAUTHORIZED is 0", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0")
      const error = yield* Effect.flip(text(url)).pipe(over({}), Effect.ensuring(Effect.sync(() => vi.unstubAllEnvs())))
      expect(codeOf(error)).toMatch(/SELF_SIGNED_CERT|UNABLE_TO_/)
    }).pipe(Effect.scoped)
  )

  it.live("requires that the certificate is for the host or for tls.servername", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      const other = yield* Effect.flip(text(url)).pipe(over({ tls: { ca, origins: [url], servername: "other.test" } }))
      expect(codeOf(other)).toBe("ERR_TLS_CERT_ALTNAME_INVALID")
      expect(yield* text(url).pipe(over({ tls: { ca, origins: [url], servername: "named.test" } }))).toBe("unknown")
    }).pipe(Effect.scoped)
  )

  it.live("presents tls.cert to a server that requires a client certificate", () =>
    Effect.gen(function* () {
      const { url } = yield* listenTls({ ...identity, ca, requestCert: true, rejectUnauthorized: true })
      const tls = { ca, origins: [url], cert: client.cert, key: Redacted.make(client.key) }
      expect(yield* text(url).pipe(over({ tls }))).toBe("client")
      expect((yield* Effect.flip(text(url)).pipe(over({ tls: { ca } })))._tag).toBe("RequestError")
    }).pipe(Effect.scoped)
  )

  it.live("uses HTTP/2 with allowH2 and sends many requests over one connection", () =>
    Effect.gen(function* () {
      const large = "x".repeat(300_000)
      const h2 = createSecureServer({ ...identity, allowHTTP1: true }, ({ httpVersion, method, url }, response) => {
        response.setHeader("set-cookie", ["a=1", "b=2"])
        response.setHeader("x-version", httpVersion)
        if (method === "POST") response.statusCode = 201
        response.end(url === "/large" ? large : "ok")
      })
      const { connections, url } = yield* listen(h2, "https")
      expect(connections).toBe(0)
      const opened: Array<string> = []
      yield* Effect.gen(function* () {
        const response = yield* HttpClient.get(url)
        expect([response.headers["x-version"], yield* response.text]).toEqual(["2.0", "ok"])
        expect(Object.keys(response.cookies.cookies)).toEqual(["a", "b"])
        expect(yield* text(`${url}/large`)).toBe(large)
        expect((yield* HttpClient.post(url)).status).toBe(201)
        expect((yield* HttpClient.head(url)).status).toBe(200)
        const texts = yield* Effect.all(
          Array.from({ length: 50 }, () => text(url)),
          { concurrency: "unbounded" }
        )
        expect([new Set(texts), opened.length]).toEqual([new Set(["ok"]), 1])
      }).pipe(
        over({
          tls: { ca },
          allowH2: true,
          connections: 1,
          pipelining: 100,
          onConnect: (origin) => opened.push(origin)
        })
      )
      expect((yield* HttpClient.get(url).pipe(over({ tls: { ca } }))).headers["x-version"]).toBe("1.1")
    }).pipe(Effect.scoped)
  )
})

/** Responds with the common name of the client's certificate. */
function listenTls(options: object) {
  const named = createHttpsServer({ ...options }, ({ socket }, response) => {
    // The server speaks TLS only.
    const peer = (socket as TLSSocket).getPeerCertificate()
    response.end("subject" in peer ? peer.subject.CN : "unknown")
  })
  return listen(named, "https")
}

describe("NodeTransport", () => {
  const blocked = { _tag: "RequestError", reason: "Transport" }

  it.live("does not connect to addresses that allowAddress rejects, for names and literals of both families", () =>
    Effect.gen(function* () {
      const server = yield* serve((_, response) => response.end("ok"))
      const { port } = new URL(server.url)
      const checked: Array<readonly [string, string]> = []
      const allowAddress = (address: string, host: string) => {
        checked.push([address, host])
        return false
      }
      for (const host of ["localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"]) {
        const error = yield* Effect.flip(text(`http://${host}:${port}/`)).pipe(over({ allowAddress }))
        expect(error).toMatchObject(blocked)
        expect(codeOf(error)).toBe("ERR_COUNTERSIGN_ADDRESS_BLOCKED")
      }
      expect(server.connections).toBe(0)
      expect(checked.map(([address]) => address)).toEqual(expect.arrayContaining(["127.0.0.1", "::1"]))
      expect(checked.filter(([address]) => address.startsWith("::ffff:"))).toEqual([])
      const typed = yield* typedError(server.url).pipe(over({ allowAddress }))
      expect(typed).toMatchObject({ _tag: "TransportError", reason: "AddressBlocked", sent: "no" })
    }).pipe(Effect.scoped)
  )

  it.live("does not connect if allowAddress throws", () =>
    Effect.gen(function* () {
      const server = yield* serve((_, response) => response.end("ok"))
      const { port } = new URL(server.url)
      const allowAddress = () => {
        throw new Error("a rule that fails")
      }
      for (const host of ["localhost", "127.0.0.1"]) {
        expect(yield* Effect.flip(text(`http://${host}:${port}/`)).pipe(over({ allowAddress }))).toMatchObject(blocked)
      }
      expect(server.connections).toBe(0)
    }).pipe(Effect.scoped)
  )

  it.live("connects to an allowed address, also if another address of the host is not allowed", () =>
    Effect.gen(function* () {
      const server = yield* serve((_, response) => response.end("ok"))
      const { port } = new URL(server.url)
      const allowAddress = (address: string) => address === "127.0.0.1"
      for (const host of ["localhost", "127.0.0.1"]) {
        expect(yield* text(`http://${host}:${port}/`).pipe(over({ allowAddress }))).toBe("ok")
      }
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(process.platform === "win32")("sends requests over socketPath, whatever the host", () =>
    Effect.gen(function* () {
      const socketPath = join(tmpdir(), `countersign-${process.pid}.sock`)
      const server = yield* listen(
        createServer(({ headers }, response) => response.end(headers.host)),
        "http",
        socketPath
      )
      expect(yield* text("http://daemon.test/path?q").pipe(over({ socketPath }))).toBe("daemon.test")
      expect(server.paths).toEqual(["/path?q"])
    }).pipe(Effect.scoped)
  )
})

describe("NodeTransport", () => {
  it.live("sends the next request before the body of the previous response with pipelining over 1", () =>
    Effect.gen(function* () {
      for (const [pipelining, maxWaiting] of [
        [1, 1],
        [4, 2]
      ] as const) {
        let waiting = 0
        let seen = 0
        // The body of a response is sent after the next request, or after a while.
        const server = yield* serveRaw((socket, request) => {
          for (const _ of request.matchAll(/^GET /gm)) {
            waiting += 1
            seen = Math.max(seen, waiting)
            socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n")
            setTimeout(() => {
              waiting -= 1
              socket.write("ok")
            }, 50 * seen)
          }
        })
        yield* Effect.all([text(server.url), text(server.url)], { concurrency: 2 }).pipe(
          over({ connections: 1, pipelining }),
          Effect.timeout("2 seconds"),
          Effect.ignore
        )
        expect(seen).toBe(maxWaiting)
      }
    }).pipe(Effect.scoped)
  )
})
