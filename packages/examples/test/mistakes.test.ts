/** Typical mistakes of new users at run time: the message of each. `mistakes.types.test.ts` has those that TypeScript finds. */
import * as Basic from "@countersign/auth/Basic"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as CircuitBreaker from "@countersign/client/CircuitBreaker"
import * as CookieJar from "@countersign/client/CookieJar"
import * as RateLimit from "@countersign/client/RateLimit"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { Api, baseUrl, build, cases, withMock } from "./mistakes/programs.js"

describe("the message at run time", () => {
  it.effect.each(cases)("says what to do about mistake %s: %s", ([_number, _name, program, ...parts]) =>
    Effect.map(program, (message) => {
      for (const part of parts) expect(message).toContain(part)
    })
  )

  it.effect("accepts a service, a Layer and false for each service option", () =>
    Effect.gen(function* () {
      const services = { rateLimit: RateLimit.throttle(), circuitBreaker: yield* CircuitBreaker.make() }
      const off = { cookies: false, rateLimit: false, circuitBreaker: false, concurrency: false }
      for (const options of [services, off, { cookies: CookieJar.layerMemory, auth: Auth.layerNone }]) {
        yield* Effect.scoped(withMock(build({ baseUrl, auth: Auth.none, ...options })))
      }
    })
  )

  it.effect("accepts a user name without a password, and a password without a user name", () =>
    Effect.gen(function* () {
      for (const [username, password] of [
        ["key", ""],
        ["", "token"]
      ] as const) {
        const scheme = Basic.layer({ username, password: Redacted.make(password) })
        const call = Effect.flatMap(Api, (api) => api.get("/x"))
        const program = Effect.provide(call, Api.layer({ baseUrl, auth: scheme }))
        expect((yield* withMock(program, MockClient.respond(200))).status).toBe(200)
      }
    })
  )
})

/** A server of plain HTTP, and its port. */
const plainServer = Effect.acquireRelease(
  Effect.async<{ readonly port: number; readonly close: () => void }>((resume) => {
    const server = createServer((_, response) => response.end())
    server.listen(0, "127.0.0.1", () => {
      // A server on TCP has an address with a port.
      const { port } = server.address() as AddressInfo
      resume(Effect.succeed({ port, close: () => server.close() }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

const messageFrom = (url: string) =>
  Effect.gen(function* () {
    const api = yield* ApiClient.make({ baseUrl: url, auth: Auth.none, retry: false })
    return (yield* Effect.flip(api.get("/x"))).message
  }).pipe(Effect.provide(NodeTransport.layer))

describe("the message over a socket", () => {
  it.scopedLive("says that nothing listens on a port (mistake 19)", () =>
    Effect.gen(function* () {
      const { close, port } = yield* plainServer
      close()
      const message = yield* messageFrom(`http://127.0.0.1:${port}`)
      expect(message).toContain("the connection was refused (ECONNREFUSED). Check the host and the port.")
    })
  )

  it.scopedLive("says to use http:// for https to a port with plain HTTP (mistake 20)", () =>
    Effect.gen(function* () {
      const { port } = yield* plainServer
      const message = yield* messageFrom(`https://127.0.0.1:${port}`)
      expect(message).toContain("the server does not use TLS on this port. Use http://")
    })
  )
})
