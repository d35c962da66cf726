/** Requests by body and header fields, and what an origin must receive of each. */
import * as Auth from "@countersign/client/Auth"
import type * as Call from "@countersign/client/Call"
import * as Bearer from "@countersign/auth/Bearer"
import * as HttpBody from "@effect/platform/HttpBody"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"

/** How a body is framed: with its length, in chunks, or not at all. */
type Framing = number | "chunked" | "none"

/** A kind of body. */
export interface BodyKind {
  readonly options: Call.BodyOptions<undefined>
  /** The bytes on the wire. `form` for multipart, which has a random boundary. */
  readonly bytes: Uint8Array | "form"
  readonly framing: Framing | "form"
  /** The content-type of the body. */
  readonly type: string | undefined
  /** Whether that type applies only if the call sets none. */
  readonly isTypeDefault?: true
}

const everyByte = Uint8Array.from({ length: 256 }, (_, at) => at)
const large = new Uint8Array(200_000).fill(7)

const form = (): FormData => {
  const data = new FormData()
  data.append("name", "value ü")
  data.append("name", "again")
  data.append("file", new Blob([everyByte], { type: "application/x-bytes" }), 'a "quoted" ü.bin')
  return data
}

/** The fields of {@link form} as text. */
export const formEntries = async (data: FormData): Promise<ReadonlyArray<unknown>> =>
  Promise.all(
    [...data].map(async ([name, value]) =>
      typeof value === "string"
        ? [name, value]
        : [name, value.name, value.type, Buffer.from(await value.arrayBuffer()).toString("latin1")]
    )
  )

export const sentForm: Promise<ReadonlyArray<unknown>> = formEntries(form())

const known = (body: HttpBody.HttpBody, bytes: Uint8Array, type: string | undefined): BodyKind => ({
  options: { body },
  bytes,
  framing: bytes.length,
  type
})

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

const pieces = (bytes: Uint8Array) => Stream.make(bytes.subarray(0, 100), bytes.subarray(100))

const params = UrlParams.fromInput({ "a b": "c&d=é", e: ["1", "2"], empty: "" })

/** Every kind of body. Streams are created for each request. */
export const bodyKinds: Readonly<Record<string, () => BodyKind>> = {
  none: () => ({ options: {}, bytes: new Uint8Array(), framing: "none", type: undefined }),
  text: () => known(HttpBody.text("grüße €"), utf8("grüße €"), "text/plain"),
  json: () => ({
    ...known(HttpBody.empty, utf8('{"a":[1,"ü"],"b":null}'), "application/json"),
    options: { json: { a: [1, "ü"], b: null } },
    isTypeDefault: true
  }),
  urlencoded: () =>
    known(HttpBody.urlParams(params), utf8("a+b=c%26d%3D%C3%A9&e=1&e=2&empty="), "application/x-www-form-urlencoded"),
  FormData: () => ({ options: { body: HttpBody.formData(form()) }, bytes: "form", framing: "form", type: "form" }),
  bytes: () => known(HttpBody.uint8Array(everyByte), everyByte, "application/octet-stream"),
  "no bytes": () => known(HttpBody.uint8Array(new Uint8Array()), new Uint8Array(), "application/octet-stream"),
  "a large body": () => known(HttpBody.uint8Array(large, "application/x-large"), large, "application/x-large"),
  "a stream": () => ({
    ...known(HttpBody.stream(pieces(everyByte), "application/x-stream"), everyByte, "application/x-stream"),
    framing: "chunked"
  }),
  "a stream with its length": () =>
    known(HttpBody.stream(pieces(everyByte), "application/x-stream", 256), everyByte, "application/x-stream")
}

/** What the caller and the client add to the body. */
export interface HeaderKind {
  readonly auth: Auth.Service
  /** Header fields of every request of the client. */
  readonly defaults?: Readonly<Record<string, string>>
  /** Header fields of the call. */
  readonly own?: Readonly<Record<string, string>>
  /** `Set-Cookie` lines that the client received earlier. */
  readonly cookies?: ReadonlyArray<string>
  /** The fields that the origin must receive. */
  readonly fields: Readonly<Record<string, string>>
}

/** Every kind of header fields. */
export const headerKinds: Readonly<Record<string, HeaderKind>> = {
  "no fields": { auth: Auth.none, fields: {} },
  credentials: {
    auth: Bearer.make(Redacted.make("a-._~+/b==")),
    fields: { authorization: "Bearer a-._~+/b==" }
  },
  "fields of the caller": {
    auth: Auth.none,
    own: { "x-one": 'a, "b;c" , \td', "X-Mixed-Case": "1", "x-empty": "", "x-latin": "ä", accept: "text/html;q=0.5" },
    fields: {
      "x-one": 'a, "b;c" , \td',
      "x-mixed-case": "1",
      "x-empty": "",
      "x-latin": "ä",
      accept: "text/html;q=0.5"
    }
  },
  "a content-type of the caller": {
    auth: Auth.none,
    own: { "content-type": 'application/vnd.api+json; charset="utf-8"' },
    fields: { "content-type": 'application/vnd.api+json; charset="utf-8"' }
  },
  "fields of the client": {
    auth: Auth.none,
    defaults: { "x-default": "d", "X-Both": "client", "user-agent": "countersign test" },
    own: { "x-both": "caller" },
    fields: { "x-default": "d", "x-both": "caller", "user-agent": "countersign test" }
  },
  cookies: {
    auth: Auth.none,
    cookies: ["a=1; Path=/", 'b="x y"; Path=/', "other=1; Path=/other"],
    fields: { cookie: 'a=1; b="x y"' }
  }
}
