/** `Expect: 100-continue` of the transport, over both protocols. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as FileBody from "@countersign/node/FileBody"
import * as NodeTransport from "@countersign/node/NodeTransport"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { randomBytes } from "node:crypto"
import fs from "node:fs"
import { createServer } from "node:http"
import { createSecureServer } from "node:http2"
import type { Socket } from "node:net"
import { join } from "node:path"
import { certificates } from "./support/certificates.js"
import { folder } from "./support/folder.js"
import { listen, serveRaw, until } from "./support/server.js"
import type { Answer, Upload } from "./support/uploads.js"
import { read, respond } from "./support/uploads.js"

const size = 1_000_000

const layers = {
  "HTTP/1.1": NodeTransport.layerWith({ expectContinue: 1000 }),
  "HTTP/2": NodeTransport.layerWith({ expectContinue: 1000, allowH2: true, tls: { ca: certificates?.ca ?? "" } })
}

/** A server that decides on each request with the field by itself. */
const serve = (protocol: string, onExpect: Answer, answer: Answer) =>
  Effect.suspend(() => {
    const isHttp1 = protocol === "HTTP/1.1"
    const server = isHttp1 ? createServer(answer) : createSecureServer({ ...certificates?.server }, answer)
    server.on("checkContinue", onExpect)
    return listen(server, isHttp1 ? "http" : "https")
  })

const client = (baseUrl: string) => ApiClient.make({ baseUrl, auth: Auth.none, retry: false })

const fileBody = (bytes = size, onProgress?: FileBody.Options["onProgress"]) =>
  Effect.gen(function* () {
    const path = join(yield* folder, "file")
    fs.writeFileSync(path, randomBytes(bytes))
    return yield* FileBody.make(path, { onProgress })
  })

for (const [protocol, layer] of Object.entries(layers)) {
  const live = (name: string, test: Effect.Effect<unknown, unknown, Effect.Effect.Context<ReturnType<typeof run>>>) =>
    it.live.skipIf(protocol === "HTTP/2" && certificates === undefined)(name, () =>
      Effect.asVoid(test).pipe(Effect.scoped, Effect.provide(layer))
    )
  const run = (onExpect: Answer, answer: Answer = (_, response) => respond(response, 200)) =>
    Effect.gen(function* () {
      const server = yield* serve(protocol, onExpect, answer)
      return { server, api: yield* client(server.url) }
    })

  describe(`expectContinue over ${protocol}`, () => {
    live(
      "sends files and bytes after a 100, over one connection",
      Effect.gen(function* () {
        const uploads: Array<Upload | undefined> = []
        let asked = 0
        const { api, server } = yield* run((request, response) => {
          asked += 1
          setTimeout(() => {
            response.writeContinue()
            void read(request).then((upload) => {
              uploads.push(upload)
              respond(response, 200)
            })
          }, 50)
        })
        yield* api.put("/", { body: yield* fileBody() })
        yield* api.put("/", { body: randomBytes(5000) })
        const begun = performance.now()
        yield* api.put("/", { body: randomBytes(5000) })
        expect(performance.now() - begun).toBeLessThan(900)
        expect(uploads.map((upload) => upload?.length)).toEqual([size, 5000, 5000])
        expect(uploads[0]?.headers["expect"]).toBe("100-continue")
        expect(asked).toBe(3)
        expect(server.connections).toBe(1)
      })
    )

    for (const status of [413, 417, 401, 403]) {
      live(
        `reports an early ${status} without sending a byte of the body, and the next requests succeed`,
        Effect.gen(function* () {
          let received = 0
          const { api } = yield* run((request, response) => {
            request.on("data", (bytes: Buffer) => void (received += bytes.length))
            respond(response, status)
          })
          for (const body of [yield* fileBody(), randomBytes(5000), yield* fileBody(2000)]) {
            expect(yield* Effect.flip(api.put("/", { body }))).toMatchObject({ status })
            expect((yield* api.get("/")).status).toBe(200)
          }
          expect((yield* api.post("/", { body: randomBytes(10) })).status).toBe(200)
          expect(received).toBe(0)
        })
      )
    }

    live(
      "reports the response of a server that closes the connection at once",
      Effect.gen(function* () {
        const { api } = yield* run((request, response) => {
          response.on("finish", () => setTimeout(() => request.socket.destroy(), 10))
          respond(response, 413)
        })
        for (let at = 0; at < 5; at++) {
          expect(yield* Effect.flip(api.put("/", { body: yield* fileBody() }))).toMatchObject({ status: 413 })
        }
      })
    )

    live(
      "sends the field only for bodies of the length, or more",
      Effect.gen(function* () {
        const asked: Array<string | undefined> = []
        const { api } = yield* run(
          (request, response) => {
            asked.push(String(request.headers["content-length"]))
            response.writeContinue()
            request.resume().on("end", () => respond(response, 200))
          },
          (request, response) => void request.resume().on("end", () => respond(response, 200))
        )
        yield* api.put("/", { body: randomBytes(999) })
        yield* api.put("/", { body: randomBytes(1000) })
        yield* api.post("/", { json: { small: true } })
        yield* api.get("/")
        expect(asked).toEqual(["1000"])
      })
    )
  })
}

describe("expectContinue over HTTP/1.1 to unusual servers", () => {
  const put = (answer: (socket: Socket, received: string) => void) =>
    Effect.gen(function* () {
      const heads: Array<string> = []
      const server = yield* serveRaw((socket, received) => {
        heads.push(received)
        answer(socket, received)
      })
      const api = yield* client(server.url)
      const begun = performance.now()
      const outcome = yield* Effect.either(api.put("/", { body: randomBytes(5000) }))
      return { heads, outcome, api, server, millis: performance.now() - begun }
    })

  const ok = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
  const isBody = (received: string) => !received.startsWith("PUT")

  it.live("sends the body after a second without a response", () =>
    Effect.gen(function* () {
      const { heads, millis, outcome } = yield* put((socket, received) => isBody(received) && socket.write(ok))
      expect(outcome).toMatchObject({ _tag: "Right", right: { status: 200 } })
      expect(heads[0]).toContain("\r\nexpect: 100-continue\r\n\r\n")
      expect(millis).toBeGreaterThanOrEqual(990)
    }).pipe(Effect.scoped, Effect.provide(layers["HTTP/1.1"]))
  )

  it.live("reads a 100 in single bytes, after a 103, twice, and too late", () =>
    Effect.gen(function* () {
      const slowly = (socket: Socket, text: string) =>
        [...text].forEach((char, at) => setTimeout(() => socket.write(char), at))
      const early = "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
      const proceed = "HTTP/1.1 100 Continue\r\n\r\n"
      for (const answer of [
        (socket: Socket, received: string) => (isBody(received) ? socket.write(ok) : slowly(socket, proceed)),
        (socket: Socket, received: string) => socket.write(isBody(received) ? ok : early + proceed),
        (socket: Socket, received: string) => socket.write(isBody(received) ? ok : proceed + proceed),
        (socket: Socket, received: string) => isBody(received) && socket.write(proceed + ok),
        (socket: Socket, received: string) => isBody(received) && slowly(socket, proceed + ok)
      ]) {
        const { outcome } = yield* put(answer)
        expect(outcome).toMatchObject({ _tag: "Right", right: { status: 200 } })
      }
    }).pipe(Effect.scoped, Effect.provide(layers["HTTP/1.1"]))
  )

  it.live("allows an upload that takes longer than headersTimeout after the 100", () =>
    Effect.gen(function* () {
      const answer: Answer = (request, response) => void request.resume().on("end", () => respond(response, 200))
      const onExpect: Answer = (request, response) => {
        response.writeContinue()
        answer(request, response)
      }
      const server = yield* serve("HTTP/1.1", onExpect, answer)
      const api = yield* client(server.url)
      const body = yield* fileBody(size, () => Effect.sleep("150 millis"))
      expect((yield* api.put("/", { body })).status).toBe(200)
    }).pipe(
      Effect.scoped,
      Effect.provide(NodeTransport.layerWith({ expectContinue: 1000, headersTimeout: "300 millis" }))
    )
  )

  it.live("does not use a connection again when its server may still wait for the body", () =>
    Effect.gen(function* () {
      const refusal = "HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n"
      const { api, outcome, server } = yield* put((socket, received) => socket.write(isBody(received) ? ok : refusal))
      expect(outcome).toMatchObject({ _tag: "Left", left: { status: 413 } })
      expect((yield* api.get("/")).status).toBe(200)
      expect(server.connections).toBe(2)
    }).pipe(Effect.scoped, Effect.provide(layers["HTTP/1.1"]))
  )

  it.live("fails when the connection ends, before the time is over", () =>
    Effect.gen(function* () {
      for (const end of ["", "HTTP/1.1 100 Cont", "HTTP"]) {
        const { millis, outcome, server } = yield* put((socket) => socket.end(end))
        expect(outcome).toMatchObject({ _tag: "Left", left: { _tag: "TransportError" } })
        expect(millis).toBeLessThan(900)
        yield* until(() => server.sockets.size === 0)
      }
    }).pipe(Effect.scoped, Effect.provide(layers["HTTP/1.1"]))
  )
})
