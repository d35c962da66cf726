/** No secret with a known name is written, in any shape of body, and everything else is replayed unchanged. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as FastCheck from "effect/FastCheck"
import { origin, recorded, replaying, send } from "./support/recorders.js"

const { respond } = MockClient
const canary = "cAnArY-0123456789"
const get = HttpClientRequest.get(`${origin}/a`)
const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0))
const utf16 = (text: string) => new Uint8Array(Buffer.from(`\ufeff${text}`, "utf16le"))

/** The file, with the content of each base64 body. */
const visible = (text: string): string =>
  text + [...text.matchAll(/"base64": "([^"]*)"/g)].map(([, base64 = ""]) => contentOf(base64)).join("\n")

const contentOf = (base64: string): string => {
  const bytes = Encoding.decodeBase64(base64)
  return bytes._tag === "Right" ? Buffer.from(bytes.right).toString("latin1").replaceAll("\0", "") : ""
}

const multipart = (boundary: string, ...parts: ReadonlyArray<string>) =>
  latin1(`${parts.map((part) => `--${boundary}\r\n${part}\r\n`).join("")}--${boundary}--\r\n`)
const part = (name: string, value: string, more = "") =>
  `Content-Disposition: form-data; name=${name}${more}\r\n\r\n${value}`
const binary = part('"file"', "\0\xff\x01", '; filename="a.bin"\r\nContent-Type: application/octet-stream')

type Row = readonly [name: string, type: string, body: string | Uint8Array]

const rows: ReadonlyArray<Row> = [
  ["text that begins with a token", "text/plain", `access_token=${canary}&expires=5`],
  ["a token in quotes", "text/plain", `see "access_token=${canary}" there`],
  ["a code at the start", "text/plain", `code=${canary}&scope=read`],
  ["a fragment", "text/html", `<a href="https://h/cb#access_token=${canary}&n=1">x</a>`],
  ["a second value of a fragment", "text/plain", `https://h/cb#state=1&id_token=${canary}`],
  ["a parameter in a parameter", "text/plain", `/a?next=${encodeURIComponent(`/b?token=${canary}`)}&n=1`],
  ["JSON in a parameter", "text/plain", `/a?p=${encodeURIComponent(JSON.stringify({ token: canary }))}`],
  ["HTML escapes", "text/html", `<a href="/a?n=1&amp;token=${canary}">x</a>`],
  ["a password in a URL", "text/plain", `https://user:${canary}@h/`],
  ["a cookie in text", "text/plain", `curl -H 'Cookie: theme=dark; sid=${canary}' /a`],
  ["a header in text", "text/plain", `GET / HTTP/1.1\r\nAuthorization: Bearer ${canary}\r\nAccept: */*`],
  ["YAML", "application/yaml", `user: ada\npassword: ${canary}\nn: 1`],
  ["TOML", "text/plain", `user = "ada"\nclient_secret = "${canary}"`],
  ["pairs of name and value", "application/json", `{"env":[{"name":"client_secret","value":"${canary}"}],"n":1}`],
  ["pairs of key and value", "application/json", `{"Tags":[{"Key":"DbPassword","Value":{"a":["${canary}"]}}]}`],
  ["a list beside a long integer", "application/json", `{"id":12345678901234567890,"tokens":["a",{"x":"${canary}"}]}`],
  ["an object beside a long integer", "application/json", `{"id":12345678901234567890,"secret":{"a": ["${canary}"]}}`],
  ["deep JSON", "application/json", `${'{"a":'.repeat(300)}{"credentials":{"value":"${canary}"}}${"}".repeat(300)}`],
  ["a secret below deep JSON", "application/json", `{"secret":${"[".repeat(300)}"${canary}"${"]".repeat(300)}}`],
  ["NDJSON", "application/x-ndjson", `{"tokens":["${canary}"]}\n{"secret":{"a":"${canary}"}}\n`],
  ["a byte order mark", "application/json", `\ufeff{"tokens":["${canary}"],"n":1}`],
  ["JavaScript", "text/javascript", `cb({"credentials":{"value":"${canary}"}})`],
  ["JavaScript without quotes", "text/javascript", `var config = { apiKey: '${canary}', n: 1 }`],
  ["an escaped name", "text/plain", `{"access\\u005ftoken":"${canary}"}`],
  ["JSON in a string", "text/plain", JSON.stringify(JSON.stringify({ n: 1, token: `"\\${canary}` }))],
  ["JSON in a string in a string", "text/plain", JSON.stringify(JSON.stringify(JSON.stringify({ token: canary })))],
  ["escaped parameters", "text/plain", `{"url":"https:\\/\\/h?n=1\\u0026token\\u003d${canary}\\u0026m=2"}`],
  ["truncated JSON", "application/json", `{"n":1,"access_token":"${canary}`],
  ["a truncated list", "application/json", `{"n":1,"tokens":["a","${canary}`],
  ["names before brackets", "text/plain", `{"secret":{"a":"]}","b":"${canary}"},"n":1}`],
  ["XML", "application/xml", `<C xmlns="u"><SecretAccessKey>${canary}</SecretAccessKey><N>1</N></C>`],
  [
    "XML with children",
    "application/xml",
    `<a:Credentials><b>${canary}</b><Credentials/><c v="${canary}"/></a:Credentials>`
  ],
  ["CDATA", "application/xml", `<Token><![CDATA[${canary}]]></Token>`],
  ["equal elements", "application/xml", `<secret><secret>a</secret>${canary}</secret>`],
  ["truncated XML", "application/xml", `<a><SessionToken>${canary}`],
  ["an attribute", "application/xml", `<user name='ada' password='${canary}'/>`],
  ["a hidden field", "text/html", `<input name="csrf_token" value="${canary}"><p>text</p>`],
  ["Latin-1", "text/plain; charset=iso-8859-1", latin1(`{"n":"\xfc","password":"${canary}"}`)],
  ["a control character", "text/plain", `\0 token=${canary} n=1`],
  ["UTF-16", "text/plain; charset=utf-16", utf16(`{"password":"${canary}"}`)],
  [
    "UTF-16, big-endian",
    "text/plain; charset=utf-16",
    utf16(`{"password":"${canary}"}`).map((_, i, all) => all[i ^ 1] ?? 0)
  ],
  ["a part", "multipart/form-data; boundary=b1", multipart("b1", part('"password"', canary), part('"n"', "1"))],
  [
    "a part beside a binary one",
    "multipart/form-data; boundary=b1",
    multipart("b1", binary, part('"client_secret"', canary))
  ],
  [
    "a part with a token as name",
    "multipart/form-data; boundary=b1",
    multipart("b1", part("password", canary), binary)
  ],
  [
    "JSON in a part",
    "multipart/mixed; boundary=b1",
    multipart("b1", `Content-Type: application/json\r\n\r\n{"tokens":["${canary}"]}`, binary)
  ],
  [
    "parts in a part",
    "multipart/mixed; boundary=b1",
    multipart(
      "b1",
      `Content-Type: multipart/mixed; boundary=b2\r\n\r\n--b2\r\n${part('"password"', canary)}\r\n--b2--`,
      binary
    )
  ],
  ["parts of another type", "text/plain", multipart("b1", part('"password"', canary), binary)]
]

describe("Recorder canaries", () => {
  it.effect.each<Row>(rows)("removes the secret of a response: %s", ([, type, body]) =>
    Effect.gen(function* () {
      const text = yield* recorded([respond(200, body, { "content-type": type })], [get])
      expect(visible(text)).not.toContain(canary)
      expect(visible(text)).toContain("<redacted>")
    })
  )

  it.effect.each<Row>(rows)("removes the secret of a request, and finds it again: %s", ([, type, body]) =>
    Effect.gen(function* () {
      const content = typeof body === "string" ? new TextEncoder().encode(body) : body
      const post = HttpClientRequest.post(`${origin}/a`, { body: HttpBody.uint8Array(content, type) })
      const text = yield* recorded([respond(200, "ok")], [post])
      expect(visible(text)).not.toContain(canary)
      expect((yield* send((yield* replaying(text)).client, post)).text).toBe("ok")
    })
  )

  it.effect.each<readonly [name: string, value: string]>([
    ["location", `https://h/cb#access_token=${canary}&n=1`],
    ["refresh", `0; url=https://h/cb#id_token=${canary}`],
    ["x-user", `{"id":12345678901234567890,"tokens":["${canary}"]}`],
    ["x-next", `/a?u=${encodeURIComponent(`/b?token=${canary}`)}`],
    ["x-origin", `https://user:${canary}@h/`],
    ["set-cookie2", `sid=${canary}; Path=/`]
  ])("removes the secret of the header %s", ([name, value]) =>
    Effect.gen(function* () {
      const text = yield* recorded([respond(200, `echo ${canary}`, { [name]: value })], [get])
      expect(text).not.toContain(canary)
    })
  )

  const names = FastCheck.constantFrom("password", "client_secret", "accessToken", "sessionToken", "x-api_key")
  const word = FastCheck.stringMatching(/^[A-Za-z0-9 .,/-]{0,30}$/)
  const values = FastCheck.stringMatching(/^[A-Za-z0-9_-]{24,60}$/)
  const shapes = FastCheck.constantFrom<readonly [type: string, shape: (name: string, value: string) => string]>(
    ["application/json", (name, value) => `{"n":12345678901234567890,"${name}":["${value}",{"a":"${value}"}],"m":1}`],
    ["application/x-ndjson", (name, value) => `{"n":1}\n{"${name}":{"a":["${value}"]}}\n`],
    ["text/javascript", (name, value) => `cb({"${name}" : '${value}'});`],
    ["application/xml", (name, value) => `<a><${name} b="1">${value}</${name}><c ${name}="${value}"/></a>`],
    ["text/plain", (name, value) => `${name}=${value}&n=1`],
    ["text/plain", (name, value) => `https://h/#n=1&${name}=${value}`],
    [
      "multipart/form-data; boundary=b1",
      (name, value) => `--b1\r\n${part(name, value)}\r\n--b1\r\n${binary}\r\n--b1--\r\n`
    ]
  )

  it.effect.prop(
    "removes any value with a secret name",
    [shapes, names, values, word],
    ([[type, shape], name, value, more]) =>
      Effect.gen(function* () {
        const body = type.startsWith("multipart") ? latin1(shape(name, value)) : `${shape(name, value)}\n${more}`
        const text = visible(yield* recorded([respond(200, body, { "content-type": type })], [get]))
        expect(text).not.toContain(value)
        expect(text).toContain("<redacted>")
      })
  )

  const publicNames = FastCheck.constantFrom(
    "user",
    "token_type",
    "tokens_endpoint",
    "n",
    "author",
    "design",
    "has-more"
  )

  it.effect.prop(
    "replays any body without a secret name unchanged",
    [shapes, publicNames, word],
    ([[type, shape], name, value]) =>
      Effect.gen(function* () {
        const content = type.startsWith("multipart")
          ? latin1(shape(name, value))
          : new TextEncoder().encode(shape(name, value))
        const text = yield* recorded([respond(200, content, { "content-type": type })], [get])
        const { client } = yield* replaying(text)
        expect(new Uint8Array(yield* (yield* client.execute(get)).arrayBuffer)).toEqual(content)
      })
  )

  it.effect("keeps the other parts, numbers and names around a secret", () =>
    Effect.gen(function* () {
      const json = `{"id":12345678901234567890,"tokens":["${canary}",7,{"a":true}],"b":"c"}`
      const form = multipart("b1", part('"password"', canary), binary, part('"n"', "1"))
      const script = [
        respond(200, json, { "content-type": "application/json" }),
        respond(200, form, { "content-type": "multipart/form-data; boundary=b1" })
      ]
      const { client } = yield* replaying(yield* recorded(script, [get, get]))
      expect((yield* send(client, get)).text).toBe(json.replace(canary, "<redacted>"))
      const replayed = new Uint8Array(yield* (yield* client.execute(get)).arrayBuffer)
      expect(replayed).toEqual(multipart("b1", part('"password"', "<redacted>"), binary, part('"n"', "1")))
    })
  )
})

describe("Recorder time", () => {
  const size = 1024 * 1024

  it.live.each<readonly [name: string, unit: string]>([
    ["letters", "a"],
    ["backslashes", "\\"],
    ["quotes", '"'],
    ["apostrophes", "'"],
    ["escaped quotes", '\\"'],
    ["spaces", " "],
    ["names with spaces", "token    "],
    ["brackets", "["],
    ["open members", '{"token":'],
    ["open lists", '"secret":['],
    ["tags", "<a "],
    ["open tags", "<b>"],
    ["open secret elements", "<token>"],
    ["attributes", 'a="'],
    ["CDATA", "<![CDATA["],
    ["parameters", "?a=%41"],
    ["encodings", "%25"],
    ["addresses", "://a:"],
    ["line breaks", "\r\n"],
    ["dashes", "\n--b1"],
    ["dispositions", "content-disposition: "],
    ["lines", "- a: b\n"],
    ["UTF-8", "ü"]
  ])(
    "redacts 1 MiB of %s in linear time",
    ([, unit]) =>
      Effect.gen(function* () {
        for (const before of ["", '{"secret":[']) {
          const body = before + unit.repeat(size / unit.length)
          yield* recorded([respond(200, body, { "content-type": "multipart/mixed; boundary=b1" })], [get])
        }
      }),
    30_000
  )
})
