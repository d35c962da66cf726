/** Invalid recordings. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as MockClient from "@countersign/testing/MockClient"
import * as Recorder from "@countersign/testing/Recorder"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { makeFiles } from "./support/memoryFiles.js"
import { file, origin, recorder, replaying } from "./support/recorders.js"

const format = "countersign-recording/1"

const exchange = (response: unknown, request: unknown = { method: "GET", url: `${origin}/a` }) =>
  JSON.stringify({ format, exchanges: [{ request, response }] })

const ok = { status: 200, headers: {} }

describe("Recorder file", () => {
  it.effect.each<readonly [name: string, text: string, detail: string]>([
    ["an empty file", "", "it is not JSON"],
    ["truncated JSON", '{"format":', "it is not JSON"],
    ["a list", "[]", `it has no \`format\`, and this version reads "${format}"`],
    ["no format", '{"exchanges":[]}', `it has no \`format\`, and this version reads "${format}"`],
    [
      "a later format",
      '{"format":"countersign-recording/2\\n"}',
      'its `format` is "countersign-recording/2\\u{a}", and this'
    ],
    ["no exchanges", JSON.stringify({ format }), "at $.exchanges, expected"],
    ["another member", JSON.stringify({ format, exchanges: [], other: 1 }), "at $.other, expected nothing"],
    ["a status as text", exchange({ status: "200", headers: {} }), "at $.exchanges[0].response.status, expected"],
    ["a status out of range", exchange({ status: 1000, headers: {} }), "at $.exchanges[0].response.status, expected"],
    [
      "a line break in a field",
      exchange({ status: 200, headers: { a: "1\r\nb: 2" } }),
      "at $.exchanges[0].response.headers.a"
    ],
    ["an invalid field name", exchange({ status: 200, headers: { "a b": "1" } }), "at $.exchanges[0].response.headers"],
    ["invalid base64", exchange({ ...ok, body: { base64: "%" } }), "at $.exchanges[0].response.body"],
    ["two bodies", exchange({ ...ok, body: { text: "", json: 1 } }), "at $.exchanges[0].response.body"],
    ["an invalid method", exchange(ok, { method: "GET /", url: "" }), "at $.exchanges[0].request.method"],
    [
      "deep JSON",
      exchange({ ...ok, body: "deep" }).replace('"deep"', `{"json":${"[".repeat(9999)}${"]".repeat(9999)}}`),
      "at $"
    ]
  ])("fails with the path for %s", ([, text, detail]) =>
    Effect.gen(function* () {
      for (const mode of ["replay", "auto"] as const) {
        const error = yield* Effect.flip(recorder([], { mode }, makeFiles({ [file]: text })))
        expect(error).toMatchObject({ _tag: "RecordingError", file, reason: "InvalidFile" })
        expect(error.message).toContain(`The recording "${file}" cannot be read: ${detail}`)
        expect(error.message).toContain('Delete the file, and record it again with `mode: "record"`.')
      }
    })
  )

  it.effect("fails if the file is missing or unreadable", () =>
    Effect.gen(function* () {
      const missing = yield* Effect.flip(recorder([], { mode: "replay" }))
      expect(missing.message).toBe(
        `The recording "${file}" cannot be read: the file does not exist. Record it with \`mode: "record"\`.`
      )
      const memory = makeFiles({ [file]: "" })
      memory.failing = "readFileString"
      const unreadable = yield* Effect.flip(recorder([], { mode: "auto" }, memory))
      expect([unreadable.reason, unreadable.message]).toEqual([
        "Unreadable",
        `The recording "${file}" cannot be read: PermissionDenied. Check its permissions.`
      ])
    })
  )

  it.effect("does not read the file in mode record", () =>
    Effect.gen(function* () {
      yield* Recorder.make({ file, mode: "record" }).pipe(
        Effect.provideService(FileSystem.FileSystem, makeFiles({ [file]: "no JSON" }).service),
        Effect.provideService(HttpClient.HttpClient, (yield* MockClient.make([])).client)
      )
    })
  )

  const leaf = FastCheck.oneof(FastCheck.jsonValue(), FastCheck.constantFrom(200, "GET", `${origin}/a`, "text/plain"))
  const headers = FastCheck.oneof(
    leaf,
    FastCheck.dictionary(
      FastCheck.oneof(FastCheck.string(), FastCheck.constantFrom("a", "__proto__", "set-cookie")),
      leaf
    )
  )
  const body = FastCheck.oneof(
    leaf,
    FastCheck.record({ json: leaf, text: FastCheck.string(), base64: FastCheck.string() }, { requiredKeys: [] })
  )
  const hostile = FastCheck.oneof(
    FastCheck.string(),
    FastCheck.json(),
    FastCheck.record({
      format: FastCheck.constant(format),
      exchanges: FastCheck.oneof(
        leaf,
        FastCheck.array(
          FastCheck.record(
            {
              request: FastCheck.record(
                { method: FastCheck.constantFrom("GET", "", "a b"), url: FastCheck.constant(`${origin}/a`), body },
                { requiredKeys: ["method", "url"] }
              ),
              response: FastCheck.record({ status: FastCheck.oneof(FastCheck.constant(200), leaf), headers, body })
            },
            { requiredKeys: ["request", "response"] }
          ),
          { maxLength: 3 }
        )
      )
    }).map((value) => JSON.stringify(value))
  )

  it.effect.prop(
    "rejects hostile text with a typed error, or replays it without a failure of its own",
    [hostile],
    ([text]) =>
      Effect.gen(function* () {
        const made = yield* Effect.either(replaying(text))
        if (made._tag === "Left") {
          expect(made.left).toMatchObject({ _tag: "RecordingError", file })
          return
        }
        const { client } = made.right
        const request = client.execute(HttpClientRequest.get(`${origin}/a`))
        const exit = yield* Effect.exit(Effect.flatMap(request, (response) => response.arrayBuffer))
        if (exit._tag === "Failure")
          expect(String(exit.cause)).toMatch(/request 1 was (?:not recorded|recorded with another body)/)
      })
  )
})
