/** `Expect: 100-continue` through proxies: one that forwards requests, and tunnels. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { randomBytes } from "node:crypto"
import type { IncomingMessage, ServerResponse } from "node:http"
import { createServer, request as httpRequest } from "node:http"
import { createSecureServer } from "node:http2"
import { createServer as createHttpsServer } from "node:https"
import { certificates } from "./support/certificates.js"
import { proxy } from "./support/proxy.js"
import type { TestServer } from "./support/server.js"
import { listen } from "./support/server.js"
import type { Answer, Upload } from "./support/uploads.js"
import { read, respond } from "./support/uploads.js"

/** Forwards a request with its expectation, and the 100 of the origin. */
const forward = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
  const { pathname, port, search } = new URL(incoming.url ?? "")
  const { method = "", rawHeaders } = incoming
  const to = { host: "127.0.0.1", port, path: pathname + search, method, headers: [...rawHeaders], setHost: false }
  const onward = httpRequest({ ...to, agent: false })
  onward.on("continue", () => outgoing.writeContinue())
  onward.on("response", (response) => {
    response.pipe(outgoing.writeHead(response.statusCode ?? 0, response.headers))
    response.on("end", () => onward.destroy())
  })
  onward.on("error", () => undefined)
  onward.flushHeaders()
  incoming.pipe(onward)
}

const forwardingProxy = Effect.suspend(() => {
  const server = createServer(forward)
  server.on("checkContinue", forward)
  return listen(server)
})

/** How requests reach the origin: its server, and a proxy. */
interface Route {
  readonly serve: (onExpect: Answer, answer: Answer) => Effect.Effect<TestServer, never, Scope.Scope>
  readonly proxy: Effect.Effect<TestServer, never, Scope.Scope>
  readonly allowH2: boolean
}

type Serving = { readonly on: (event: "checkContinue", listener: Answer) => unknown } & Parameters<typeof listen>[0]

const expecting = (make: (answer: Answer) => Serving, scheme: string): Route["serve"] =>
  function (onExpect, answer) {
    return Effect.suspend(() => {
      const server = make(answer)
      server.on("checkContinue", onExpect)
      return listen(server, scheme)
    })
  }

const identity = { ...certificates?.server }

const routes: Readonly<Record<string, Route>> = {
  "a proxy that forwards requests": { serve: expecting(createServer, "http"), proxy: forwardingProxy, allowH2: false },
  ...(certificates && {
    "a tunnel, over HTTP/1.1": {
      serve: expecting((answer) => createHttpsServer(identity, answer), "https"),
      proxy: proxy(),
      allowH2: false
    },
    "a tunnel, over HTTP/2": {
      serve: expecting((answer) => createSecureServer(identity, answer), "https"),
      proxy: proxy(),
      allowH2: true
    }
  })
}

/** A client of the origin through a proxy. */
const through = (origin: TestServer, { url }: TestServer, allowH2 = false) =>
  Effect.flatMap(
    NodeTransport.make({ expectContinue: 1000, allowH2, proxy: url, tls: { ca: certificates?.ca ?? "" } }),
    (transport) =>
      Effect.provideService(
        ApiClient.make({ baseUrl: origin.url, auth: Auth.none, retry: false }),
        HttpClient.HttpClient,
        transport
      )
  )

for (const [name, route] of Object.entries(routes)) {
  const run = (onExpect: Answer, answer: Answer = (_, response) => respond(response, 200)) =>
    Effect.gen(function* () {
      const origin = yield* route.serve(onExpect, answer)
      const via = yield* route.proxy
      return { origin, via, api: yield* through(origin, via, route.allowH2) }
    })

  describe(`expectContinue through ${name}`, () => {
    it.scopedLive("sends bodies after the 100 of the origin, over one connection", () =>
      Effect.gen(function* () {
        const uploads: Array<Upload | undefined> = []
        const { api, via } = yield* run((request, response) => {
          setTimeout(() => {
            response.writeContinue()
            void read(request).then((upload) => {
              uploads.push(upload)
              respond(response, 200)
            })
          }, 50)
        })
        const begun = performance.now()
        yield* api.put("/", { body: randomBytes(500_000) })
        yield* api.put("/", { body: randomBytes(5000) })
        expect(performance.now() - begun).toBeLessThan(900)
        expect(uploads.map((upload) => [upload?.length, upload?.headers["expect"]])).toEqual([
          [500_000, "100-continue"],
          [5000, "100-continue"]
        ])
        expect(via.connections).toBe(1)
      })
    )

    it.scopedLive("reports an early 413 of the origin without sending a byte, and the next requests succeed", () =>
      Effect.gen(function* () {
        let received = 0
        const { api } = yield* run((request, response) => {
          request.on("data", (bytes: Buffer) => void (received += bytes.length))
          respond(response, 413)
        })
        for (let at = 0; at < 3; at++) {
          expect(yield* Effect.flip(api.put("/", { body: randomBytes(5000) }))).toMatchObject({ status: 413 })
          expect((yield* api.get("/")).status).toBe(200)
        }
        expect(received).toBe(0)
      })
    )

    it.scopedLive("sends the body after a second without a 100", () =>
      Effect.gen(function* () {
        const answer: Answer = (request, response) =>
          void read(request).then((upload) => respond(response, upload?.length === 5000 ? 200 : 400))
        const { api } = yield* run(answer)
        const begun = performance.now()
        expect((yield* api.put("/", { body: randomBytes(5000) })).status).toBe(200)
        expect(performance.now() - begun).toBeGreaterThanOrEqual(990)
      })
    )
  })
}

describe("expectContinue and a proxy that answers by itself", () => {
  it.scopedLive("reports the response of the origin after a 100 of the proxy", () =>
    Effect.gen(function* () {
      const lengths: Array<number | undefined> = []
      const answer: Answer = (request, response) =>
        void read(request).then((upload) => {
          lengths.push(upload?.length)
          respond(response, 413)
        })
      // A server without a listener for the field sends a 100, and so does this proxy.
      const api = yield* through(yield* expecting(createServer, "http")(answer, answer), yield* proxy())
      expect(yield* Effect.flip(api.put("/", { body: randomBytes(5000) }))).toMatchObject({ status: 413 })
      expect(lengths).toEqual([5000])
    })
  )

  it.scopedLive("reports a rejection by the proxy, which gets no byte of the body", () =>
    Effect.gen(function* () {
      let received = 0
      const onExpect = (request: IncomingMessage, response: ServerResponse) => {
        request.on("data", (bytes: Buffer) => void (received += bytes.length))
        respond(response, 403)
      }
      const server = createServer(forward)
      server.on("checkContinue", onExpect)
      const via = yield* listen(server)
      const origin = yield* listen(createServer((_, response) => respond(response, 200)))
      const api = yield* through(origin, via)
      expect(yield* Effect.flip(api.put("/", { body: randomBytes(5000) }))).toMatchObject({ status: 403 })
      expect((yield* api.get("/")).status).toBe(200)
      expect([received, origin.paths]).toEqual([0, ["/"]])
    })
  )
})
