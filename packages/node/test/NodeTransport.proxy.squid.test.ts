/** squid as the forward proxy, with and without credentials. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as NodeTransport from "@countersign/node/NodeTransport"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import { certificates } from "./support/certificates.js"
import type { Recorder } from "./support/recorder.js"
import { recorder } from "./support/recorder.js"
import type { ProxyUser } from "./support/squid.js"
import { hasSquid, squid } from "./support/squid.js"

const tls = { ca: certificates?.ca }
const user: ProxyUser = { name: "user", password: "p:ss w@rd" }
const digestUser: ProxyUser = { ...user, scheme: "Digest" }

const withUser = (url: string, { name, password }: ProxyUser): string => {
  const full = new URL(url)
  full.username = name
  full.password = encodeURIComponent(password)
  return full.href
}

/** A POST with credentials, a content type and another header field. */
const post = (baseUrl: string) =>
  ApiClient.make({ baseUrl, auth: Auth.none, headers: { "x-custom": "one, two" } }).pipe(
    Effect.flatMap((api) => api.post("/orders?a=1", { json: { a: "é" }, headers: { authorization: "Bearer secret" } }))
  )

/** The same proxy by the option and by the environment. */
const transports = (url: string) => ({
  option: NodeTransport.layerWith({ proxy: Redacted.make(url), tls }),
  environment: NodeTransport.layerProxyEnvWith({ tls }).pipe(
    Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["ALL_PROXY", url]]))))
  )
})

const expectPost = ({ requests }: Recorder) => {
  const [request] = requests.splice(0)
  expect(request?.line).toBe("POST /orders?a=1")
  expect(request?.fields).toEqual(
    expect.arrayContaining(["authorization: Bearer secret", "content-type: application/json", "x-custom: one, two"])
  )
  expect(request?.fields.join()).not.toMatch(/proxy-/)
  const credentials = Buffer.from(`${user.name}:${user.password}`).toString("base64")
  expect(request?.fields.filter((field) => field.includes(credentials) || field.includes(user.password))).toEqual([])
  expect(Buffer.from(request?.body ?? "", "latin1").toString()).toBe('{"a":"é"}')
}

describe("NodeTransport", () => {
  for (const [how, secure] of [
    ["is forwarded by squid", false],
    ["uses a tunnel of squid", true]
  ] as const) {
    for (const credentials of [undefined, user, digestUser]) {
      const scheme =
        credentials === undefined ? "without credentials" : `with ${credentials.scheme ?? "Basic"} credentials`
      const name = `sends a POST that ${how} ${scheme} for the proxy`
      it.live.skipIf(!hasSquid || certificates === undefined)(name, () =>
        Effect.gen(function* () {
          const url = yield* squid(credentials)
          const origin = yield* recorder((_, response) => response.end("{}"), { secure })
          const full = credentials === undefined ? url : withUser(url, credentials)
          for (const transport of Object.values(transports(full))) {
            yield* Effect.provide(post(origin.url), transport)
            expectPost(origin)
          }
        }).pipe(Effect.scoped)
      )
    }

    it.live.skipIf(!hasSquid || certificates === undefined)(
      `signs concurrent calls that ${how} with Digest, and again when the nonce has expired`,
      () =>
        Effect.gen(function* () {
          const proxyUrl = yield* squid({ ...digestUser, nonceSeconds: 1 })
          const origin = yield* recorder((_, response) => response.end("{}"), { secure })
          const calls = Effect.all(
            Array.from({ length: 20 }, () => post(origin.url)),
            { concurrency: 5, discard: true }
          )
          const twice = calls.pipe(Effect.zipLeft(Effect.sleep("2 seconds")), Effect.zipRight(calls))
          yield* Effect.provide(twice, transports(withUser(proxyUrl, user)).option)
          expect(origin.requests).toHaveLength(40)
        }).pipe(Effect.scoped)
    )

    for (const account of [user, digestUser]) {
      it.live.skipIf(!hasSquid || certificates === undefined)(
        `fails with ProxyFailed and prints no password for a POST that ${how} if the password for ${account.scheme ?? "Basic"} is wrong`,
        () =>
          Effect.gen(function* () {
            const proxyUrl = yield* squid(account)
            const origin = yield* recorder((_, response) => response.end("{}"), { secure })
            const wrong = withUser(proxyUrl, { name: "user", password: "hunter2hunter2" })
            for (const url of [wrong, proxyUrl]) {
              for (const transport of Object.values(transports(url))) {
                const error = yield* Effect.flip(Effect.provide(post(origin.url), transport))
                const proxy = { origin: proxyUrl, status: 407 }
                expect(error).toMatchObject({ _tag: "TransportError", reason: "ProxyFailed", sent: "no", proxy })
                expect(error.message).toContain(`(${proxyUrl}: 407): the proxy requires authentication`)
                expect(inspect(error, { depth: 10 })).not.toMatch(/hunter2|Basic |Digest /)
              }
            }
            expect(origin.requests).toEqual([])
          }).pipe(Effect.scoped)
      )
    }
  }

  it.live.skipIf(!hasSquid || certificates === undefined)(
    "fails with ProxyFailed if squid forbids or cannot reach the host of a tunnel",
    () =>
      Effect.gen(function* () {
        const url = yield* squid()
        for (const [host, status] of [
          ["forbidden.test", 403],
          ["127.0.0.1:1", 503]
        ] as const) {
          const error = yield* Effect.flip(
            Effect.provide(post(`https://${host}`), NodeTransport.layerWith({ proxy: url, tls }))
          )
          expect(error).toMatchObject({ reason: "ProxyFailed", sent: "no", proxy: { origin: url, status } })
        }
      }).pipe(Effect.scoped)
  )
})
