/** Recordings contain no secrets. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as UrlParams from "@effect/platform/UrlParams"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { origin, recorded, recorder, replaying, send } from "./support/recorders.js"

const { respond } = MockClient
const secret = "s3cr3t-Value/0123+456789"
const encoded = encodeURIComponent(secret)
const basic = `Basic ${btoa(`user:${secret}`)}`
const get = (path: string, headers: Readonly<Record<string, string>> = {}) =>
  HttpClientRequest.get(origin + path, { headers })
const post = (path: string, body: HttpBody.HttpBody) => HttpClientRequest.post(origin + path, { body })
const form = (parameters: Readonly<Record<string, string>>) => HttpBody.urlParams(UrlParams.fromInput(parameters))

/** The text, its encodings, and half of it. */
const forms = [secret, encoded, secret.slice(0, 16), btoa(`user:${secret}`), JSON.stringify(secret).slice(1, -1)]

type Row = readonly [
  name: string,
  request: HttpClientRequest.HttpClientRequest,
  response?: MockClient.Step | undefined,
  visible?: string
]

describe("Recorder redaction", () => {
  it.effect.each<Row>([
    ["authorization", get("/a", { authorization: `Bearer ${secret}` })],
    [
      "an echoed bearer token",
      get("/a", { authorization: `Bearer ${secret}` }),
      respond(200, { echo: { value: secret } }),
      "echo"
    ],
    [
      "an echoed Basic password",
      get("/a", { authorization: basic }),
      respond(401, `no access with ${secret}`),
      "no access with"
    ],
    [
      "an echoed header",
      get("/a", { authorization: basic }),
      respond(200, { headers: { Authorization: basic } }),
      "headers"
    ],
    [
      "an echoed cookie",
      get("/a", { cookie: `theme=dark; sid=${secret}` }),
      respond(200, `you are ${secret}`),
      "you are"
    ],
    [
      "an echoed API key",
      get("/a", { "x-api-key": secret }),
      respond(200, { nested: [[{ text: `key ${secret}` }]] }),
      "nested"
    ],
    ["an echoed Digest response", get("/a", { authorization: `Digest response="${secret}"` }), respond(200, secret)],
    ["a parameter of the query", get(`/a?api_key=${encoded}&page=2`), undefined, "page=2"],
    ["a short parameter of the query", get(`/a?key=${encoded}`), undefined, "key=<redacted>"],
    [
      "an echoed parameter",
      get(`/a?access_token=${encoded}`),
      respond(200, { url: `${origin}/a?access_token=${encoded}` })
    ],
    ["a member of JSON", post("/a", HttpBody.unsafeJson({ user: "ada", clientSecret: secret })), undefined, "ada"],
    ["members below a secret name", post("/a", HttpBody.unsafeJson({ credentials: { user: secret, list: [secret] } }))],
    [
      "a field of a form",
      post("/a", form({ grant_type: "password", password: secret })),
      undefined,
      "grant_type=password"
    ],
    ["a code of a form", post("/a", form({ code: secret, scope: "read" })), undefined, "scope=read"],
    ["a part of a multipart form", post("/a", multipart({ file: "content", api_token: secret })), undefined, "content"],
    ["set-cookie", get("/a"), respond(200, { note: secret }, { "set-cookie": `sid=${secret}; HttpOnly` }), "note"],
    [
      "an issued token",
      get("/a"),
      respond(200, { access_token: secret, token_type: "Bearer" }),
      '"token_type": "Bearer"'
    ],
    [
      "an issued token in an event stream",
      get("/a"),
      respond(200, `data: {"idToken": "${secret}", "n": 1}\n\n`),
      '\\"n\\": 1'
    ],
    ["a link", get("/a"), respond(200, "", { link: `<${origin}/a?page=2&token=${encoded}>; rel="next"` }), "page=2"],
    ["a location", get("/a"), respond(302, "", { location: `/callback?code=${encoded}&lang=en` }), "lang=en"],
    ["JSON in a URL", get("/a"), respond(200, { next: `${origin}/a?cursor=2&sig=${encoded}` }), "cursor=2"],
    [
      "binary content",
      get("/a", { authorization: `Bearer ${secret}` }),
      respond(200, new TextEncoder().encode(`\0${secret}`))
    ]
  ])("removes %s", ([, request, response = respond(200), visible = origin]) =>
    Effect.gen(function* () {
      const text = yield* recorded([response], [request])
      for (const form of forms) expect(text).not.toContain(form)
      expect(text).not.toContain(btoa(`\0${secret}`))
      expect(text).toContain(visible)
    })
  )

  it.effect("removes a secret that a later response names from an earlier exchange", () =>
    Effect.gen(function* () {
      const script = [respond(200, { note: secret }), respond(200, { password: secret })]
      const text = yield* recorded(script, [get("/a"), get("/b")])
      for (const form of forms) expect(text).not.toContain(form)
    })
  )

  it.effect("removes `secrets`, and the values of `secretNames`", () =>
    Effect.gen(function* () {
      const options = { secrets: [Redacted.make(secret)], secretNames: ["Tenant"] }
      const request = get(`/bot${encoded}/send?tenant=a-tenant`)
      const text = yield* recorded([respond(200, { tenant: "a-tenant", TENANT: "b-tenant" })], [request], options)
      for (const form of [...forms, "a-tenant", "b-tenant"]) expect(text).not.toContain(form)
      const { client } = yield* replaying(text, options)
      expect((yield* send(client, request)).status).toBe(200)
    })
  )

  it.effect("keeps values of public names, numbers, and equal words", () =>
    Effect.gen(function* () {
      const body = {
        token_type: "Bearer",
        token_endpoint: `${origin}/token`,
        tokens: 7,
        total_tokens: 12,
        author: "ada",
        links: { next: "/a" },
        design: "x",
        state: "open",
        code: "invalid",
        key: "A-1",
        sort: "name",
        has_password: true
      }
      const text = yield* recorded([respond(200, body)], [get("/a?key=name&author=ada&state=open&sort=design")])
      const { client } = yield* replaying(text)
      const { text: replayed } = yield* send(client, get("/a?key=other&author=ada&state=open&sort=design"))
      expect(JSON.parse(replayed)).toEqual(body)
    })
  )

  const places = FastCheck.constantFrom<
    (value: string) => readonly [HttpClientRequest.HttpClientRequest, MockClient.Step]
  >(
    (value) => [get("/a", { authorization: `Bearer ${value}` }), respond(200, `before ${value} after`)],
    (value) => [get("/a", { authorization: `Bearer ${value}` }), respond(200, { [`key-${value}`]: [value] })],
    (value) => [get(`/a?token=${encodeURIComponent(value)}`), respond(400, { error: `bad ${value}` })],
    (value) => [post("/a", form({ client_secret: value })), respond(400, JSON.stringify(`bad ${value}`))],
    (value) => [post("/a", HttpBody.unsafeJson({ a: [{ refreshToken: value }] })), respond(200, { value })],
    (value) => [get("/a"), respond(200, { session: value }, { "x-info": `v=${value}` })]
  )
  const secrets = FastCheck.stringMatching(/^[A-Za-z0-9+/=_.~-]{20,40}$/)

  it.effect.prop("removes any secret from any place", [secrets, places], ([value, place]) =>
    Effect.gen(function* () {
      const [request, response] = place(value)
      const text = yield* recorded([response], [request])
      expect(text).not.toContain(value)
      expect(text).not.toContain(encodeURIComponent(value))
      expect(text).toContain("<redacted>")
    })
  )
})

describe("Recorder bodies", () => {
  it.effect.each<readonly [name: string, body: string]>([
    ["a number beyond the safe range", '{"id":12345678901234567890}'],
    ["deep nesting", `${"[".repeat(5000)}${"]".repeat(5000)}`],
    ["truncated JSON", '{"id":1'],
    ["an empty member name", '{"":[],"__proto__":{"a":1}}']
  ])("replays %s unchanged", ([, body]) =>
    Effect.gen(function* () {
      const json = respond(200, body, { "content-type": "application/json" })
      const { client } = yield* replaying(yield* recorded([json], [get("/a")]))
      expect((yield* send(client, get("/a"))).text).toBe(body)
    })
  )

  it.effect.prop("replays any JSON and any bytes", [FastCheck.jsonValue(), FastCheck.uint8Array()], ([json, bytes]) =>
    Effect.gen(function* () {
      const script = [respond(200, JSON.stringify(json), { "content-type": "application/json" }), respond(200, bytes)]
      const { client } = yield* replaying(yield* recorded(script, [get("/json"), get("/bytes")]))
      const parsed: unknown = JSON.parse((yield* send(client, get("/json"))).text)
      // JSON has no negative zero in a file that is written again.
      expect(parsed).toEqual(JSON.parse(JSON.stringify(json)))
      const replayed = yield* (yield* client.execute(get("/bytes"))).arrayBuffer
      expect(new Uint8Array(replayed)).toEqual(bytes)
    })
  )

  it.effect("records the content of a stream", () =>
    Effect.gen(function* () {
      const body = Stream.make("a", "b").pipe(Stream.encodeText)
      const { client, text } = yield* recorder([MockClient.respondStream(200, body)])
      expect((yield* send(client, get("/a"))).text).toBe("ab")
      expect(text()).toContain('"text": "ab"')
    })
  )
})

function multipart(fields: Readonly<Record<string, string>>): HttpBody.HttpBody {
  const data = new FormData()
  for (const [name, value] of Object.entries(fields)) data.append(name, value)
  return HttpBody.formData(data)
}
