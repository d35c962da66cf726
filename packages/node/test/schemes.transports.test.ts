/** Every scheme over sockets: what servers received of redirects and retries, with NodeTransport and with the platform's fetch. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { IncomingMessage, ServerResponse } from "node:http"
import { credentials } from "./schemes/credentials.js"
import type { Row } from "./schemes/exchange.js"
import { checkForeign, checkOwn, isProbe } from "./schemes/exchange.js"
import { keys } from "./schemes/keys.js"
import type { Received, Scheme } from "./schemes/received.js"
import { signatures } from "./schemes/signatures.js"
import { serve } from "./support/server.js"

const schemes = [...credentials, ...signatures, ...keys]

const transports = [
  ["NodeTransport", NodeTransport.layer],
  ["the platform's fetch", FetchHttpClient.layer]
] as const

const textOf = async (incoming: IncomingMessage): Promise<string> => {
  const chunks: Array<Uint8Array> = []
  for await (const chunk of incoming) if (chunk instanceof Uint8Array) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

const headersOf = ({ headers }: IncomingMessage): Received["headers"] =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))

type Arrived = Received & { readonly at: number }

/** A server that records requests and responds to each. */
const recording = (respond: (received: Received, response: ServerResponse) => void) => {
  const received: Array<Arrived> = []
  const server = serve((incoming, response) => {
    void textOf(incoming).then((body) => {
      const { method = "", url = "" } = incoming
      const headers = headersOf(incoming)
      const one = { method, url: `http://${headers["host"]}${url}`, headers, body, at: Date.now() }
      received.push(one)
      respond(one, response)
    })
  })
  return Effect.map(server, ({ url }) => ({ url, received }))
}

const get: Row["call"] = (api) => api.get("/a%20b?q='x'&r=%2B+1", { query: { s: "ü" } })
const post: Row["call"] = (api) => api.post("/orders?q=1", { json: { text: "ü" } })

/** A call, and the status of its first response, with the target of a redirect. */
const rows: ReadonlyArray<
  readonly [call: Row["call"], status: number, to: "own" | "foreign" | undefined, crossOriginBody: boolean]
> = [
  [get, 302, "own", false],
  [get, 302, "foreign", false],
  [post, 303, "own", false],
  [post, 307, "own", false],
  [post, 307, "foreign", true],
  [get, 503, undefined, false]
]

/** The API and another origin, which receives redirects. */
const setUp = (challenge: string | undefined, [, status, to]: (typeof rows)[number]) =>
  Effect.gen(function* () {
    let index = 0
    const ok = (response: ServerResponse) => response.writeHead(200, { "content-type": "application/json" }).end("{}")
    const foreign = yield* recording((_, response) => ok(response))
    const own = yield* recording((received, response) => {
      if (isProbe(challenge, received)) return response.writeHead(401, { "www-authenticate": challenge }).end()
      if (index++ > 0) return ok(response)
      const target = `${to === "foreign" ? foreign.url : ""}/x${new URL(received.url).search}`
      return response.writeHead(status, to === undefined ? {} : { location: target }).end()
    })
    return { foreign, own }
  })

/** What both servers received of a call. Both have other ports in each call. */
const exchange = (scheme: Pick<Scheme, "make" | "challenge">, row: (typeof rows)[number]) =>
  Effect.gen(function* () {
    const { foreign, own } = yield* setUp(scheme.challenge, row)
    const [call, , , crossOriginBody] = row
    const api = yield* ApiClient.make({
      baseUrl: own.url,
      auth: yield* scheme.make,
      redirects: { crossOriginBody }
    })
    yield* call(api)
    const withoutPorts = ({ at: _, ...one }: Arrived): Received =>
      // The values are those of a record of texts.
      JSON.parse(JSON.stringify(one).replace(/127\.0\.0\.1:\d+/g, "api.test")) as Received
    return {
      outcome: "Success",
      signed: own.received.filter((one) => !isProbe(scheme.challenge, one)),
      foreign: foreign.received.map(withoutPorts)
    }
  }).pipe(Effect.scoped)

describe.each(transports)("%s", (_, layer) => {
  it.live.each(schemes)("$name: signs what the API receives, and sends nothing of it to another origin", (scheme) =>
    Effect.gen(function* () {
      for (const row of rows) {
        const control = yield* exchange({ make: Effect.succeed(Auth.none) }, row)
        const made = yield* exchange(scheme, row)
        expect(made.signed).toHaveLength(control.signed.length)
        expect([...made.signed, ...made.foreign].filter(({ headers }) => "referer" in headers)).toEqual([])
        yield* checkOwn(scheme, made)
        checkForeign(scheme, made, control)
      }
    }).pipe(Effect.provide(layer), Effect.scoped)
  )
})
