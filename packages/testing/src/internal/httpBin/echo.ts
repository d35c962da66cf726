import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Effect from "effect/Effect"
import * as Request from "../httpServer/requestReader.js"
import { json } from "../httpServer/responses.js"
import { get, type Handler, type Row } from "../httpServer/router.js"

type Multi = Readonly<Record<string, string | ReadonlyArray<string>>>

/** httpbin's form of parameters: a single value as text, several as a list. */
const flatten = (params: URLSearchParams): Multi =>
  Object.fromEntries(
    [...new Set(params.keys())].map((name) => {
      const values = params.getAll(name)
      return [name, values.length === 1 ? (values[0] ?? "") : values]
    })
  )

const titleCase = (name: string): string =>
  name
    .split("-")
    .map((part) => part.slice(0, 1).toUpperCase() + part.slice(1).toLowerCase())
    .join("-")

const titledHeaders = ({ headers }: HttpServerRequest.HttpServerRequest): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [titleCase(name), value]))

/** Members of every echo of httpbin. */
export interface Echo {
  readonly args: Multi
  readonly headers: Readonly<Record<string, string>>
  readonly origin: string
  readonly url: string
}

export const common = (request: HttpServerRequest.HttpServerRequest): Echo => ({
  args: flatten(Request.query(request)),
  headers: titledHeaders(request),
  origin: "127.0.0.1",
  url: `http://${request.headers["host"] ?? "httpbin.test"}${request.url}`
})

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

const base64 = (bytes: Uint8Array): string => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))

/** Text as text and other bytes as a data URL, like httpbin. */
const data = (bytes: Uint8Array): string => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch {
    return `data:application/octet-stream;base64,${base64(bytes)}`
  }
}

const echoBody: Handler = (request) =>
  Effect.flatMap(Request.body, (bytes) => {
    const type = request.headers["content-type"] ?? ""
    const text = data(bytes)
    const isForm = type.toLowerCase().startsWith("application/x-www-form-urlencoded")
    return json({
      ...common(request),
      data: isForm ? "" : text,
      files: {},
      form: isForm ? flatten(new URLSearchParams(text)) : {},
      json: parsed(text)
    })
  })

export const routes: ReadonlyArray<Row> = [
  get("/get", (request) => json(common(request))),
  get("/headers", (request) => json({ headers: titledHeaders(request) })),
  { methods: ["POST"], path: "/post", handler: echoBody },
  { methods: ["PUT"], path: "/put", handler: echoBody },
  { methods: ["PATCH"], path: "/patch", handler: echoBody },
  { methods: ["DELETE"], path: "/delete", handler: echoBody }
]
