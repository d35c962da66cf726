/** What a call fails with when the proxy fails, and how often the client asks the proxy. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import type { TransportError } from "@countersign/client/Errors"
import * as NodeTransport from "@countersign/node/NodeTransport"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { createServer as createTlsServer } from "node:tls"
import { inspect } from "node:util"
import { certificates } from "./support/certificates.js"
import { proxy } from "./support/proxy.js"
import type { TestServer } from "./support/server.js"
import { listen, raw, serve } from "./support/server.js"

type ProxyServer = Effect.Effect<{ readonly url: string; readonly asked: () => number }, never, Scope.Scope>

const answering = (refuse: number, headers: Record<string, string> = {}): ProxyServer =>
  Effect.map(proxy({ refuse, headers }), ({ requests, url }) => ({ url, asked: () => requests.length }))

const counted = (server: Effect.Effect<TestServer, never, Scope.Scope>): ProxyServer =>
  Effect.map(server, (state) => ({ url: state.url, asked: () => state.connections }))

const nothing: ProxyServer = Effect.map(Effect.scoped(serve(() => undefined)), ({ url }) => ({ url, asked: () => 0 }))

const named = (url: string): ProxyServer => Effect.succeed({ url, asked: () => 0 })

const changed = (server: ProxyServer, change: (url: string) => string): ProxyServer =>
  Effect.map(server, ({ asked, url }) => ({ asked, url: change(url) }))

const tls = counted(Effect.suspend(() => listen(createTlsServer({ ...certificates?.server }))))
const ssh = counted(raw((socket) => socket.end("SSH-2.0-OpenSSH\r\n")))

interface Row {
  readonly server: ProxyServer
  readonly status?: number
  readonly code?: string | RegExp
  /** What the message says beside the proxy. */
  readonly says: string
  /** Only where the request was written to what is not a proxy. */
  readonly sent?: "no" | "maybe"
  /** How often the proxy is asked: 1 without retries, 3 with the client's own two. Undefined where it cannot count. */
  readonly asked: number | undefined
}

const inTunnels: Record<string, Row> = {
  "answers 407": {
    server: answering(407, { "proxy-authenticate": "Basic" }),
    status: 407,
    says: "user name and the password",
    asked: 1
  },
  "answers 403": { server: answering(403), status: 403, says: "does not allow api.test:443", asked: 1 },
  "answers 400": { server: answering(400), status: 400, says: "names a proxy", asked: 1 },
  "answers 405": { server: answering(405), status: 405, says: "names a proxy", asked: 1 },
  "answers 302": {
    server: answering(302, { location: "http://127.0.0.1:1/" }),
    status: 302,
    says: "names a proxy",
    asked: 1
  },
  "answers 502": { server: answering(502), status: 502, says: "did not reach api.test:443", asked: 3 },
  "answers 503": { server: answering(503), status: 503, says: "did not reach api.test:443", asked: 3 },
  "answers 504": { server: answering(504), status: 504, says: "did not reach api.test:443", asked: 3 }
}

const onBothWays: Record<string, Row> = {
  "is down": { server: nothing, code: "ECONNREFUSED", says: "nothing listens there", asked: undefined },
  "has an unknown name": {
    server: named("http://proxy.invalid:3128"),
    code: /^(ENOTFOUND|EAI_AGAIN)$/,
    says: "host name has no address",
    asked: undefined
  },
  "speaks TLS with a certificate that is not trusted": {
    server: changed(tls, (url) => url.replace("http:", "https:")),
    code: /SELF_SIGNED|UNABLE_TO/,
    says: "certificate is not trusted",
    asked: 1
  },
  "is called with TLS and speaks none": {
    server: changed(answering(407), (url) => url.replace("http:", "https:")),
    code: /EPROTO|ERR_SSL/,
    says: "did not accept TLS: check the scheme",
    asked: undefined
  }
}

/** The call's error, with `user:hunter2` in the proxy's URL. */
const failing = (baseUrl: string, url: string, options: Omit<NodeTransport.ProxyOptions, "proxy"> = {}) =>
  ApiClient.make({ baseUrl, auth: Auth.none }).pipe(
    Effect.flatMap((api) => Effect.flip(api.post("/orders", { json: { a: 1 } }))),
    Effect.timeout("20 seconds"),
    Effect.provide(NodeTransport.layerWith({ ...options, proxy: url.replace("://", "://user:hunter2@") }))
  )

const check = (error: unknown, origin: string, { code, says, sent = "no", status }: Row) => {
  expect(error).toMatchObject({ _tag: "TransportError", reason: "ProxyFailed", sent, proxy: { origin } })
  // Checked in the line above.
  const failed = error as TransportError
  expect(failed.proxy?.status).toBe(status)
  expect(failed.message).toContain(status === undefined ? `(${origin})` : `(${origin}: ${status})`)
  expect(failed.message).toContain(says)
  if (code !== undefined) expect(failed.code).toMatch(code)
  expect(inspect(error, { depth: 10, showHidden: true }) + JSON.stringify(error)).not.toMatch(/hunter2|dXNlcj/)
}

const rows = (baseUrl: string, table: Record<string, Row>) => {
  for (const [name, row] of Object.entries(table)) {
    it.live.skipIf(certificates === undefined)(`${baseUrl} fails with ProxyFailed if the proxy ${name}`, () =>
      Effect.gen(function* () {
        const { asked, url } = yield* row.server
        check(yield* failing(baseUrl, url), url, row)
        if (row.asked !== undefined) expect(asked()).toBe(row.asked)
      }).pipe(Effect.scoped)
    )
  }
}

describe("A POST through a tunnel to", () => {
  rows("https://api.test", inTunnels)
  rows("https://api.test", onBothWays)
  rows("https://api.test", {
    "closes the connection": {
      server: counted(raw((socket) => socket.destroy())),
      code: "ECONNRESET",
      says: "closed the connection",
      asked: 3
    },
    "speaks no HTTP": { server: ssh, code: /^HPE_/, says: "is not HTTP", asked: 1 },
    "speaks TLS, and is called without": { server: tls, code: /^HPE_|ECONNRESET/, says: "check", asked: undefined }
  })
})

describe("A POST that is forwarded to", () => {
  rows("http://api.test", onBothWays)
  rows("http://api.test", {
    "answers 407": {
      server: answering(407, { "proxy-authenticate": "Basic" }),
      status: 407,
      says: "user name and the password",
      asked: 1
    },
    "answers 407 without a challenge": {
      server: answering(407),
      status: 407,
      says: "user name and the password",
      asked: 1
    },
    "speaks no HTTP": { server: ssh, sent: "maybe", code: /^HPE_/, says: "is not HTTP", asked: 1 }
  })

  it.live("gives other responses of the proxy as responses, because the origin can send them too", () =>
    Effect.gen(function* () {
      for (const [status, tag] of [
        [403, "Forbidden"],
        [502, "Unavailable"]
      ] as const) {
        const { url } = yield* answering(status)
        expect(yield* failing("http://api.test", url)).toMatchObject({ _tag: tag, status })
      }
    }).pipe(Effect.scoped)
  )

  it.live("gives a 407 of the origin as a response if there is no proxy", () =>
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
