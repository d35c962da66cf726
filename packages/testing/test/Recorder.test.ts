import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as UrlParams from "@effect/platform/UrlParams"
import * as FileSystem from "@effect/platform/FileSystem"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as MockClient from "@countersign/testing/MockClient"
import * as Recorder from "@countersign/testing/Recorder"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { makeFiles } from "./support/memoryFiles.js"
import { defectOf, file, origin, recorded, recorder, replaying, send } from "./support/recorders.js"

const { respond } = MockClient
const get = (path: string) => HttpClientRequest.get(origin + path)
const post = (path: string, body: HttpBody.HttpBody) => HttpClientRequest.post(origin + path, { body })

const form = (parameters: Readonly<Record<string, string>>) => HttpBody.urlParams(UrlParams.fromInput(parameters))

describe("Recorder record", () => {
  it.effect("writes a stable file, without times and with sorted members", () =>
    Effect.gen(function* () {
      const script = (date: string): MockClient.Script => [
        respond(201, { name: "Ada", id: 1 }, { date, "x-request-id": "r1", etag: '"v1"' }),
        respond(200, "text\n"),
        respond(200, new Uint8Array([0, 255]))
      ]
      const requests = [
        post("/users?page=2", HttpBody.unsafeJson({ name: "Ada", age: 36 })),
        get("/text"),
        get("/bytes")
      ]
      const first = yield* recorded(script("Wed, 21 Oct 2026 07:28:00 GMT"), requests)
      const second = yield* recorded(script("Wed, 21 Oct 2026 07:29:00 GMT"), requests)
      expect(second).toBe(first)
      expect(first).toBe(`{
  "exchanges": [
    {
      "request": {
        "body": {
          "json": {
            "age": 36,
            "name": "Ada"
          }
        },
        "method": "POST",
        "url": "https://api.test/users?page=2"
      },
      "response": {
        "body": {
          "json": {
            "id": 1,
            "name": "Ada"
          }
        },
        "headers": {
          "content-type": "application/json",
          "etag": "\\"v1\\"",
          "x-request-id": "r1"
        },
        "status": 201
      }
    },
    {
      "request": {
        "method": "GET",
        "url": "https://api.test/text"
      },
      "response": {
        "body": {
          "text": "text\\n"
        },
        "headers": {
          "content-type": "text/plain; charset=utf-8"
        },
        "status": 200
      }
    },
    {
      "request": {
        "method": "GET",
        "url": "https://api.test/bytes"
      },
      "response": {
        "body": {
          "base64": "AP8="
        },
        "headers": {
          "content-type": "application/octet-stream"
        },
        "status": 200
      }
    }
  ],
  "format": "countersign-recording/1"
}
`)
    })
  )

  it.effect("returns the response of the transport unchanged, with its cookies", () =>
    Effect.gen(function* () {
      const { client, text } = yield* recorder([
        respond(200, { access_token: "issued-token" }, { "set-cookie": ["a=first-cookie; Path=/", "b=second-cookie"] })
      ])
      const answer = yield* send(client, get("/login"))
      expect(answer.text).toBe('{"access_token":"issued-token"}')
      expect(Object.keys(answer.response.cookies.cookies)).toEqual(["a", "b"])
      for (const secret of ["issued-token", "first-cookie", "second-cookie", "set-cookie"]) {
        expect(text()).not.toContain(secret)
      }
    })
  )

  it.effect("sends a streamed body once, with its content-type, and stores it", () =>
    Effect.gen(function* () {
      const { client, mock, text } = yield* recorder([respond(204)])
      const stream = Stream.make("one ", "two").pipe(Stream.encodeText)
      yield* send(client, post("/upload", HttpBody.stream(stream, "text/plain")))
      const [sent] = yield* mock.sent
      expect([sent?.body, sent?.headers["content-type"]]).toEqual(["one two", "text/plain"])
      expect(text()).toContain('"text": "one two"')
    })
  )

  it.effect("stores concurrent requests in the order in which they were sent", () =>
    Effect.gen(function* () {
      const slow = Effect.yieldNow().pipe(Effect.repeatN(20), Effect.as(respond(200, "slow")))
      const transport = yield* MockClient.make({ "GET /slow": slow, "GET /fast": respond(200, "fast") })
      const memory = makeFiles()
      const client = yield* Recorder.make({ file, mode: "record" }).pipe(
        Effect.provideService(HttpClient.HttpClient, transport.client),
        Effect.provideService(FileSystem.FileSystem, memory.service)
      )
      yield* Effect.all([send(client, get("/slow")), send(client, get("/fast"))], { concurrency: 2 })
      const text = memory.files.get(file) ?? ""
      expect(text.indexOf("/slow")).toBeLessThan(text.indexOf("/fast"))
      expect(text.indexOf("/slow")).toBeGreaterThan(0)
    })
  )

  it.effect("replaces an older file, and stores no request that failed", () =>
    Effect.gen(function* () {
      const memory = makeFiles({ [file]: "an older file" })
      const { client, text } = yield* recorder([MockClient.fail("ECONNRESET"), respond(200)], {}, memory)
      yield* Effect.flip(client.execute(get("/a")))
      expect(text()).toBe("an older file")
      yield* send(client, get("/b"))
      expect(text()).toContain("/b")
      expect(text()).not.toContain(`${origin}/a`)
      expect(memory.folders).toEqual(["recordings"])
    })
  )

  it.effect.each(["writeFileString", "rename"] as const)(
    "dies with the path if %s fails, keeps the older file and leaves no other one",
    (failing) =>
      Effect.gen(function* () {
        const memory = makeFiles({ [file]: "an older file" })
        const { client } = yield* recorder([respond(200)], {}, memory)
        memory.failing = failing
        expect((yield* defectOf(client.execute(get("/a")))).message).toBe(
          `The recording "${file}" cannot be written: PermissionDenied. Check its folder and permissions.`
        )
        expect([...memory.files]).toEqual([[file, "an older file"]])
      })
  )
})

describe("Recorder replay", () => {
  it.effect("returns status, headers and body of the recording, and sends nothing", () =>
    Effect.gen(function* () {
      const script = [
        respond(201, { b: [1.5, null], a: "ü" }, { "x-a": ["1", "2"] }),
        respond(418, "teapot"),
        respond(204),
        respond(200, new Uint8Array([0, 1, 255]))
      ]
      const requests = [get("/1"), get("/2"), get("/3"), get("/4")]
      const { client, mock } = yield* replaying(yield* recorded(script, requests))
      const [first, second, third] = [
        yield* send(client, get("/1")),
        yield* send(client, get("/2")),
        yield* send(client, get("/3"))
      ]
      expect([first.status, JSON.parse(first.text)]).toEqual([201, { b: [1.5, null], a: "ü" }])
      expect(first.headers).toMatchObject({ "content-type": "application/json", "x-a": "1, 2" })
      expect([second.status, second.text, third.status, third.text]).toEqual([418, "teapot", 204, ""])
      const bytes = yield* (yield* client.execute(get("/4"))).arrayBuffer
      expect(new Uint8Array(bytes)).toEqual(new Uint8Array([0, 1, 255]))
      expect(yield* mock.sent).toEqual([])
    })
  )

  it.effect("answers equal requests in the order of the recording, and dies after the last one", () =>
    Effect.gen(function* () {
      const text = yield* recorded([respond(503), respond(200)], [get("/a"), get("/a")])
      const { client } = yield* replaying(text)
      const statuses = [(yield* send(client, get("/a"))).status, (yield* send(client, get("/a"))).status]
      expect(statuses).toEqual([503, 200])
      const { code, message } = yield* defectOf(client.execute(get("/a?token=a-secret")))
      expect(code).toBe("ERR_RECORDING_UNEXPECTED_REQUEST")
      expect(message).toBe(
        [
          `Recorder: request 3 was not recorded: GET ${origin}/a?token=<redacted>. The recording is "${file}". Record it again with \`mode: "record"\`. Sent so far:`,
          `  1. GET ${origin}/a → 503`,
          `  2. GET ${origin}/a → 200`
        ].join("\n")
      )
      const more = yield* defectOf(client.execute(get("/a")))
      expect(more.message).toContain("request 4 was recorded 2 times, and is sent once more")
    })
  )

  it.effect("says that a request was recorded with another body", () =>
    Effect.gen(function* () {
      const text = yield* recorded([respond(200)], [post("/a", HttpBody.text("one"))])
      const { client } = yield* replaying(text)
      const { message } = yield* defectOf(client.execute(post("/a", HttpBody.text("two"))))
      expect(message).toContain("request 1 was recorded with another body")
    })
  )

  it.effect("dies without a retry of the client", () =>
    Effect.gen(function* () {
      const { client } = yield* replaying(yield* recorded([respond(200)], [get("/a")]))
      const api = yield* ApiClient.make({ baseUrl: origin, auth: Auth.none }).pipe(
        Effect.provideService(HttpClient.HttpClient, client)
      )
      expect((yield* defectOf(api.get("/b"))).message).toContain("request 1 was not recorded")
    })
  )

  it.effect.each<readonly [name: string, recordedBody: () => HttpBody.HttpBody, replayedBody: () => HttpBody.HttpBody]>(
    [
      [
        "JSON in another order",
        () => HttpBody.unsafeJson({ a: 1, b: { c: 2, d: 3 } }),
        () => HttpBody.unsafeJson({ b: { d: 3, c: 2 }, a: 1 })
      ],
      [
        "JSON with another password",
        () => HttpBody.unsafeJson({ user: "ada", password: "one-password" }),
        () => HttpBody.unsafeJson({ user: "ada", password: "other" })
      ],
      [
        "a form with another secret, code and state",
        () => form({ client_secret: "one", code: "1", state: "x", scope: "read" }),
        () => form({ client_secret: "two", code: "2", state: "y", scope: "read" })
      ],
      [
        "a multipart form with another boundary and token",
        () => HttpBody.formData(formData({ file: "content", token: "one" })),
        () => HttpBody.formData(formData({ file: "content", token: "two" }))
      ]
    ]
  )("finds a request by its body: %s", ([, one, other]) =>
    Effect.gen(function* () {
      const { client } = yield* replaying(yield* recorded([respond(200)], [post("/a", one())]))
      expect((yield* send(client, post("/a", other()))).status).toBe(200)
    })
  )

  it.effect("finds a request that repeats a removed value in its path, query or body", () =>
    Effect.gen(function* () {
      const issued = "session-0123456789"
      const script = [
        respond(200, { session_id: issued, next: `${origin}/page?cursor=2` }),
        ...[1, 2, 3].map(() => respond(200))
      ]
      const requests = (id: string) => [
        get(`/sessions/${encodeURIComponent(id)}`),
        get(`/me?session=${encodeURIComponent(id)}`),
        post("/echo", HttpBody.unsafeJson({ text: id }))
      ]
      const text = yield* recorded(script, [get("/start"), ...requests(issued)])
      expect(text).not.toContain(issued)
      const { client } = yield* replaying(text)
      // The test reads one member of its own response.
      const { session_id: id } = JSON.parse((yield* send(client, get("/start"))).text) as { session_id: string }
      for (const request of requests(id)) expect((yield* send(client, request)).status).toBe(200)
    })
  )
})

const formData = (fields: Readonly<Record<string, string>>): FormData => {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  return form
}

describe("Recorder auto", () => {
  it.effect("records a missing file, replays it, and adds what is missing", () =>
    Effect.gen(function* () {
      const memory = makeFiles()
      const first = yield* recorder([respond(200, "a")], { mode: "auto" }, memory)
      yield* send(first.client, get("/a"))
      const second = yield* recorder([respond(200, "b")], { mode: "auto" }, memory)
      const texts = [(yield* send(second.client, get("/a"))).text, (yield* send(second.client, get("/b"))).text]
      expect(texts).toEqual(["a", "b"])
      expect((yield* second.mock.sent).map(({ url }) => url)).toEqual([`${origin}/b`])
      const { client } = yield* replaying(memory.files.get(file) ?? "")
      expect((yield* send(client, get("/b"))).text).toBe("b")
      expect((yield* send(client, get("/a"))).text).toBe("a")
    })
  )
})

describe("Recorder in one file with another", () => {
  it.effect("keeps the exchanges of both in mode auto, and removes a secret that one learns later", () =>
    Effect.gen(function* () {
      const memory = makeFiles()
      const script = [respond(200, { note: "a-late-secret" }), respond(200, { password: "a-late-secret" })]
      const one = yield* recorder(script, { mode: "auto" }, memory)
      const two = yield* recorder([respond(200, "b1"), respond(200, "b2")], { mode: "auto" }, memory)
      yield* send(one.client, get("/a1"))
      yield* send(two.client, get("/b1"))
      yield* send(one.client, get("/a2"))
      yield* send(two.client, get("/b2"))
      const text = memory.files.get(file) ?? ""
      expect(text).not.toContain("a-late-secret")
      expect(text.match(/"url": "[^"]*/g)?.sort()).toEqual(
        ["/a1", "/a2", "/b1", "/b2"].map((path) => `"url": "${origin}${path}`)
      )
    })
  )

  it.effect("keeps the exchanges of concurrent recorders, and equal ones", () =>
    Effect.gen(function* () {
      const memory = makeFiles()
      const make = recorder([respond(200), respond(200)], { mode: "auto" }, memory)
      const [one, two] = [yield* make, yield* make]
      const sent = [one, two, one, two].map(({ client }) => send(client, get("/a")))
      yield* Effect.all(sent, { concurrency: "unbounded" })
      expect(memory.files.get(file)?.match(/"url"/g)).toHaveLength(4)
    })
  )
})

describe("Recorder mode", () => {
  it.effect.each<readonly [mode: unknown, shown: string]>([
    ["rplay", '"rplay"'],
    ["Replay", '"Replay"'],
    ["", '""'],
    ["constructor", '"constructor"'],
    [undefined, "undefined"],
    [true, "boolean"]
  ])("dies for the mode %s before a request is sent", ([mode, shown]) =>
    Effect.gen(function* () {
      // JavaScript and variables of the environment can pass any mode.
      const made = recorder([respond(200)], { mode: mode as Recorder.Mode })
      expect((yield* defectOf(made)).message).toBe(
        `\`Recorder\` cannot be made: \`mode\` is ${shown}. Set it to "record", "replay" or "auto".`
      )
    })
  )
})

describe("Recorder layers", () => {
  it.effect("provide the transport of a client", () =>
    Effect.gen(function* () {
      const files = makeFiles({ [file]: yield* recorded([respond(200, "ok")], [get("/a")]) })
      const program = Effect.flatMap(HttpClient.HttpClient, (client) => send(client, get("/a")))
      const FilesLive = Layer.succeed(FileSystem.FileSystem, files.service)
      for (const transport of [
        Recorder.layerReplay({ file }),
        Layer.provide(Recorder.layer({ file, mode: "replay" }), MockClient.layer([]))
      ]) {
        expect((yield* Effect.provide(program, Layer.provide(transport, FilesLive))).text).toBe("ok")
      }
    })
  )
})
