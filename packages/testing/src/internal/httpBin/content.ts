import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Request from "../httpServer/requestReader.js"
import { json, text } from "../httpServer/responses.js"
import { get, type Handler, type Row } from "../httpServer/router.js"

/** httpbin's limit for the bodies of `/bytes` and `/stream-bytes`. */
const maxBytes = 100 * 1024

const octets = { contentType: "application/octet-stream" }

const size = (n: string | undefined): number | undefined => {
  const value = Number(n)
  return Number.isSafeInteger(value) && value >= 0 ? Math.min(value, maxBytes) : undefined
}

const invalid = Effect.succeed(text(404, "Invalid n: give a number from 0"))

/** Incompressible bytes. `getRandomValues` fills at most 64 KiB per call. */
const randomBytes = (length: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at += 65_536) globalThis.crypto.getRandomValues(bytes.subarray(at, at + 65_536))
  return bytes
}

const bytes: Handler = (_, { n }) => {
  const total = size(n)
  return total === undefined ? invalid : Effect.succeed(HttpServerResponse.uint8Array(randomBytes(total), octets))
}

const streamBytes: Handler = (request, { n }) => {
  const total = size(n)
  if (total === undefined) return invalid
  const chunk = Math.max(1, Math.trunc(Request.number(request, "chunk_size", { max: maxBytes, fallback: 10_240 })))
  const parts = Array.from({ length: Math.ceil(total / chunk) }, (_, i) => Math.min(chunk, total - i * chunk))
  const body = Stream.map(Stream.fromIterable(parts), randomBytes).pipe(Stream.rechunk(1))
  return Effect.succeed(HttpServerResponse.stream(body, octets))
}

const sample = {
  slideshow: {
    author: "Yours Truly",
    date: "date of publication",
    slides: [
      { title: "Wake up to WonderWidgets!", type: "all" },
      {
        items: ["Why <em>WonderWidgets</em> are great", "Who <em>buys</em> WonderWidgets"],
        title: "Overview",
        type: "all"
      }
    ],
    title: "Sample Slide Show"
  }
}

const page =
  "<!DOCTYPE html>\n<html>\n  <head>\n  </head>\n  <body>\n      <h1>Herman Melville - Moby-Dick</h1>\n  </body>\n</html>"

export const routes: ReadonlyArray<Row> = [
  get("/bytes/:n", bytes),
  get("/stream-bytes/:n", streamBytes),
  get("/json", () => json(sample)),
  get("/html", () => Effect.succeed(HttpServerResponse.text(page, { contentType: "text/html; charset=utf-8" })))
]
