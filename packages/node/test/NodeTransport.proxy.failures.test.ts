/** The errors of calls when the proxy fails, and the number of requests to the proxy. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import type { TransportError } from "@countersign/client/Errors"
import * as NodeTransport from "@countersign/node/NodeTransport"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { createServer as createTlsServer } from "node:tls"
import { inspect } from "node:util"
import { certificates } from "./support/certificates.js"
import { proxy } from "./support/proxy.js"
import type { TestServer } from "./support/server.js"
import { listen, serveRaw, serve } from "./support/server.js"

type ProxyServer = Effect.Effect<{ readonly url: string; readonly requestCount: () => number }, never, Scope.Scope>

const proxyResponding = (status: number, headers: Record<string, string> = {}): ProxyServer =>
  Effect.map(proxy({ rejectWith: status, headers }), ({ requests, url }) => ({
    url,
    requestCount: () => requests.length
  }))

const counting = (server: Effect.Effect<TestServer, never, Scope.Scope>): ProxyServer =>
  Effect.map(server, (state) => ({ url: state.url, requestCount: () => state.connections }))

const closedProxy: ProxyServer = Effect.map(Effect.scoped(serve(() => undefined)), ({ url }) => ({
  url,
  requestCount: () => 0
}))

const proxyAt = (url: string): ProxyServer => Effect.succeed({ url, requestCount: () => 0 })

const withUrl = (server: ProxyServer, change: (url: string) => string): ProxyServer =>
  Effect.map(server, ({ requestCount, url }) => ({ requestCount, url: change(url) }))

const tls = counting(Effect.suspend(() => listen(createTlsServer({ ...certificates?.server }))))
const ssh = counting(serveRaw((socket) => socket.end("SSH-2.0-OpenSSH\r\n")))

interface Row {
  readonly server: ProxyServer
  readonly status?: number
  readonly code?: string | RegExp
  /** What the message contains besides the proxy. */
  readonly message: string
  /** `maybe` only if the request was written to a server that is not a proxy. */
  readonly sent?: "no" | "maybe"
  /** Number of requests to the proxy: 1 without retries, 3 with the default retries. Undefined if unknown. */
  readonly requestCount: number | undefined
}

const tunnelRows: Record<string, Row> = {
  "responds with 407": {
    server: proxyResponding(407, { "proxy-authenticate": "Basic" }),
    status: 407,
    message: "user name and the password",
    requestCount: 1
  },
  "responds with 403": {
    server: proxyResponding(403),
    status: 403,
    message: "does not allow api.test:443",
    requestCount: 1
  },
  "responds with 400": { server: proxyResponding(400), status: 400, message: "is the URL of a proxy", requestCount: 1 },
  "responds with 405": { server: proxyResponding(405), status: 405, message: "is the URL of a proxy", requestCount: 1 },
  "responds with 302": {
    server: proxyResponding(302, { location: "http://127.0.0.1:1/" }),
    status: 302,
    message: "is the URL of a proxy",
    requestCount: 1
  },
  "responds with 429": { server: proxyResponding(429), status: 429, message: "limits requests", requestCount: 3 },
  "responds with 502": {
    server: proxyResponding(502),
    status: 502,
    message: "did not reach api.test:443",
    requestCount: 3
  },
  "responds with 503": {
    server: proxyResponding(503),
    status: 503,
    message: "did not reach api.test:443",
    requestCount: 3
  },
  "responds with 504": {
    server: proxyResponding(504),
    status: 504,
    message: "did not reach api.test:443",
    requestCount: 3
  }
}

const commonRows: Record<string, Row> = {
  "is down": {
    server: closedProxy,
    code: "ECONNREFUSED",
    message: "the connection was refused",
    requestCount: undefined
  },
  "has an unknown name": {
    server: proxyAt("http://proxy.invalid:3128"),
    code: /^(ENOTFOUND|EAI_AGAIN)$/,
    message: "host name has no address",
    requestCount: undefined
  },
  "uses TLS with a certificate that is not trusted": {
    server: withUrl(tls, (url) => url.replace("http:", "https:")),
    code: /SELF_SIGNED|UNABLE_TO/,
    message: "certificate is not trusted",
    requestCount: 1
  },
  "uses no TLS and its URL has https": {
    server: withUrl(proxyResponding(407), (url) => url.replace("http:", "https:")),
    code: /EPROTO|ERR_SSL/,
    message: "did not accept TLS. Check the scheme",
    requestCount: undefined
  }
}

/** The error of a call with `user:hunter2` in the URL of the proxy. */
const postError = (baseUrl: string, url: string, options: Omit<NodeTransport.ProxyOptions, "proxy"> = {}) =>
  ApiClient.make({ baseUrl, auth: Auth.none }).pipe(
    Effect.flatMap((api) => Effect.flip(api.post("/orders", { json: { a: 1 } }))),
    Effect.timeout("20 seconds"),
    Effect.provide(NodeTransport.layerWith({ ...options, proxy: url.replace("://", "://user:hunter2@") }))
  )

const check = (error: unknown, origin: string, { code, message, sent = "no", status }: Row) => {
  expect(error).toMatchObject({ _tag: "TransportError", reason: "ProxyFailed", sent, proxy: { origin } })
  // Checked in the line above.
  const failed = error as TransportError
  expect(failed.proxy?.status).toBe(status)
  expect(failed.message).toContain(status === undefined ? `(${origin})` : `(${origin}: ${status})`)
  expect(failed.message).toContain(message)
  if (code !== undefined) expect(failed.code).toMatch(code)
  expect(inspect(error, { depth: 10, showHidden: true }) + JSON.stringify(error)).not.toMatch(/hunter2|dXNlcj/)
}

const rows = (baseUrl: string, table: Record<string, Row>) => {
  for (const [name, row] of Object.entries(table)) {
    it.live.skipIf(certificates === undefined)(`fails with ProxyFailed for ${baseUrl} if the proxy ${name}`, () =>
      Effect.gen(function* () {
        const { requestCount, url } = yield* row.server
        check(yield* postError(baseUrl, url), url, row)
        if (row.requestCount !== undefined) expect(requestCount()).toBe(row.requestCount)
      }).pipe(Effect.scoped)
    )
  }
}

describe("NodeTransport", () => {
  rows("https://api.test", tunnelRows)
  rows("https://api.test", commonRows)
  rows("https://api.test", {
    "closes the connection": {
      server: counting(serveRaw((socket) => socket.destroy())),
      code: "ECONNRESET",
      message: "closed the connection",
      requestCount: 3
    },
    "is not an HTTP server": { server: ssh, code: /^HPE_/, message: "is not HTTP", requestCount: 1 },
    "sends a header that is too large": {
      server: counting(serveRaw((socket) => socket.write(`HTTP/1.1 200 OK\r\nx: ${"a".repeat(20_000)}\r\n\r\n`))),
      code: "HPE_HEADER_OVERFLOW",
      message: "Raise maxHeaderSize",
      requestCount: 1
    },
    "uses TLS and its URL has http": {
      server: tls,
      code: /^HPE_|ECONNRESET/,
      message: "Check",
      requestCount: undefined
    }
  })
})

describe("NodeTransport", () => {
  const waits: Record<string, Record<string, string>> = {
    "a number of seconds": { "retry-after": "1" },
    "a date of the proxy's own clock": {
      date: "Tue, 15 Nov 1994 08:12:31 GMT",
      "retry-after": "Tue, 15 Nov 1994 08:12:32 GMT"
    }
  }
  for (const [name, headers] of Object.entries(waits)) {
    it.live(`retries a tunnel no earlier than the Retry-After of the proxy: ${name}`, () =>
      Effect.gen(function* () {
        const at: Array<number> = []
        const through = yield* serveRaw((socket) => {
          at.push(performance.now())
          const fields = Object.entries(headers).map(([field, value]) => `${field}: ${value}\r\n`)
          socket.end(`HTTP/1.1 503 Busy\r\n${fields.join("")}\r\n`)
        })
        const error = yield* postError("https://api.test", through.url)
        expect(error).toMatchObject({ reason: "ProxyFailed", proxy: { status: 503, retryAfter: Duration.seconds(1) } })
        expect(at.map((time, index) => time - (at[index - 1] ?? 0) >= 990)).toEqual([true, true, true])
      }).pipe(Effect.scoped)
    )
  }

  it.live("ignores a Retry-After of the proxy that is a date without the proxy's clock, and one that is too long", () =>
    Effect.gen(function* () {
      const rows = [
        ["Fri, 31 Dec 2199 23:59:59 GMT", 3],
        ["4102444800", 3],
        ["86400", 1]
      ] as const
      for (const [retryAfter, count] of rows) {
        let requests = 0
        const { url } = yield* serveRaw((socket) => {
          requests += 1
          socket.end(`HTTP/1.1 503 Busy\r\nretry-after: ${retryAfter}\r\n\r\n`)
        })
        yield* postError("https://api.test", url)
        expect(requests, retryAfter).toBe(count)
      }
    }).pipe(Effect.scoped)
  )
})

describe("NodeTransport", () => {
  rows("http://api.test", commonRows)
  rows("http://api.test", {
    "responds with 407": {
      server: proxyResponding(407, { "proxy-authenticate": "Basic" }),
      status: 407,
      message: "user name and the password",
      requestCount: 1
    },
    "responds with 407 without a challenge": {
      server: proxyResponding(407),
      status: 407,
      message: "user name and the password",
      requestCount: 1
    },
    "is not an HTTP server": { server: ssh, sent: "maybe", code: /^HPE_/, message: "is not HTTP", requestCount: 1 }
  })

  it.live("returns other responses of a forward proxy as responses, because the origin can send them too", () =>
    Effect.gen(function* () {
      for (const [status, tag] of [
        [403, "Forbidden"],
        [502, "Unavailable"]
      ] as const) {
        const { url } = yield* proxyResponding(status)
        expect(yield* postError("http://api.test", url)).toMatchObject({ _tag: tag, status })
      }
    }).pipe(Effect.scoped)
  )

  it.live("returns a 407 of the origin as a response without a proxy", () =>
    Effect.gen(function* () {
      const origin = yield* serve((_, response) => response.writeHead(407, { "proxy-authenticate": "Basic" }).end())
      const error = yield* ApiClient.make({ baseUrl: origin.url, auth: Auth.none }).pipe(
        Effect.flatMap((api) => Effect.flip(api.get("/"))),
        Effect.provide(NodeTransport.layer)
      )
      expect(error).toMatchObject({ _tag: "ClientError", status: 407 })
    }).pipe(Effect.scoped)
  )
})
