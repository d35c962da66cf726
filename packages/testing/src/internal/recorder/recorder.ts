/** The transport of a recorder. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Cookies from "@effect/platform/Cookies"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Transport from "@countersign/client/Transport"
import * as Effect from "effect/Effect"
import { constTrue } from "effect/Function"
import { History, requestText } from "../mockClient/history.js"
import type { Sent } from "../mockClient/log.js"
import { sentUrl } from "../mockClient/requestUrl.js"
import { fromStep } from "../mockClient/response.js"
import { codedError } from "../mockClient/step.js"
import * as RequestBody from "../requestBody.js"
import * as Bodies from "./body.js"
import type { Playback } from "./playback.js"
import type { Body, Exchange, Response } from "./recording.js"
import { isField } from "./recording.js"
import * as File from "./recordingFile.js"
import type { Redaction } from "./redaction.js"

/** A request with its secrets. */
interface RawRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly contentType: string
  readonly body: Body | undefined
}

type Fields = Readonly<Record<string, string | ReadonlyArray<string>>>

interface RawExchange {
  readonly request: RawRequest
  readonly status: number
  readonly fields: Fields
  readonly body: Body | undefined
}

/** What a recorder works with. */
export interface Recorder {
  readonly file: string
  readonly files: FileSystem.FileSystem
  readonly redaction: Redaction
  readonly playback: Playback
  /** Whether the first response replaces the exchanges of the file. Otherwise they stay in it. */
  readonly isReplaced: boolean
  /** The transport for requests without a stored response. Without one, they are defects. */
  readonly transport: HttpClient.HttpClient | undefined
}

type Answer = Effect.Effect<HttpClientResponse, HttpClientError.HttpClientError>

const rawRequest = (
  request: HttpClientRequest.HttpClientRequest,
  url: URL,
  read: RequestBody.RequestBody | undefined
): RawRequest => {
  const contentType = read?.contentType ?? request.headers["content-type"] ?? ""
  const content = read === undefined ? undefined : Bodies.withFixedBoundary(read.content, contentType)
  const body = content && Bodies.encode(content, contentType)
  const headers = { ...request.headers, "content-type": contentType }
  return { method: request.method, url: sentUrl(request, url), headers, contentType, body }
}

/** The request as it is sent: with the bytes that were read, because a stream can be read once. */
const withBody = (
  request: HttpClientRequest.HttpClientRequest,
  read: RequestBody.RequestBody | undefined
): HttpClientRequest.HttpClientRequest => {
  if (read === undefined || request.body._tag === "Uint8Array") return request
  const type = read.contentType ?? request.headers["content-type"]
  return HttpClientRequest.setBody(request, HttpBody.uint8Array(read.content, type))
}

/** The fields of a response. Several cookies are separate values. */
const fieldsOf = (response: HttpClientResponse): Fields => {
  const raw: unknown = Transport.rawSetCookie in response ? response[Transport.rawSetCookie] : undefined
  const cookies = Array.isArray(raw) ? raw.map(String) : Cookies.toSetCookieHeaders(response.cookies)
  const { "set-cookie": _, ...fields } = response.headers
  const sent = Object.entries(fields).filter(([name, value]) => isField(name, value))
  return { ...Object.fromEntries(sent), ...(cookies.length > 0 && { "set-cookie": cookies }) }
}

const unexpected = ({ file, playback, redaction }: Recorder, history: History, sent: Sent, raw: RawRequest) => {
  const problem = playback.problem(redaction.request(raw.method, raw.url, raw.body, raw.contentType))
  const text = `Recorder: request ${sent.index + 1} ${problem}: ${requestText(sent)}. The recording is "${file}".`
  return Effect.die(
    codedError(
      "ERR_RECORDING_UNEXPECTED_REQUEST",
      `${text} Record it again with \`mode: "record"\`. ${history.listBefore(sent.index)}`
    )
  )
}

/** Recorders of one process that share a file write it one after another. */
const lock = /* @__PURE__ */ Effect.unsafeMakeSemaphore(1)

/** Makes the transport of a recorder. */
export const make = (recorder: Recorder): HttpClient.HttpClient => {
  const { file, files, isReplaced, playback, redaction, transport } = recorder
  const history = new History()
  const added: Array<RawExchange | undefined> = []
  let written: ReadonlyArray<Exchange> = []

  const redacted = ({ body, fields, request, status }: RawExchange): Exchange => ({
    request: redaction.request(request.method, request.url, request.body, request.contentType),
    response: redaction.response(status, fields, body)
  })

  // All own exchanges are written again, because a later response may name a secret of an earlier one.
  const save = lock.withPermits(1)(
    Effect.gen(function* () {
      const others = isReplaced ? [] : yield* File.readOthers(files, file, written)
      const own = added.flatMap((exchange) => (exchange === undefined ? [] : [redacted(exchange)]))
      yield* File.write(files, file, [...others, ...own])
      written = own
    }).pipe(Effect.orDie, Effect.uninterruptible)
  )

  const record = (
    client: HttpClient.HttpClient,
    request: HttpClientRequest.HttpClientRequest,
    raw: RawRequest,
    answer: (response: Pick<Response, "status"> & { readonly fields: Fields; readonly content: Uint8Array }) => Answer
  ): Answer =>
    Effect.gen(function* () {
      const slot = added.push(undefined) - 1
      const response = yield* client.execute(request)
      const content = new Uint8Array(yield* response.arrayBuffer)
      const { status } = response
      const fields = fieldsOf(response)
      const body = Bodies.encode(content, response.headers["content-type"] ?? "")
      redaction.learn(fields, "", body)
      added[slot] = { request: raw, status, fields, body }
      yield* save
      return yield* answer({ status, fields, content })
    })

  return HttpClient.make((request, url, signal) =>
    Effect.gen(function* () {
      const read = yield* RequestBody.read(request)
      const raw = rawRequest(request, url, read)
      redaction.learn(raw.headers, raw.url, raw.body)
      const sent = sentOf(history, raw)
      const runtime = yield* Effect.runtime()
      const answer = (status: number, headers: Fields, content: Uint8Array | undefined): HttpClientResponse => {
        history.answered(sent.index, String(status))
        const step = { _tag: "Respond", status, headers, body: content } as const
        return fromStep(request, step, { runtime, signal, released: () => undefined })
      }
      const stored = playback.next(redaction.request(raw.method, raw.url, raw.body, raw.contentType))
      if (stored !== undefined) return answer(stored.status, stored.headers, stored.body && Bodies.decode(stored.body))
      if (transport === undefined) return yield* unexpected(recorder, history, sent, raw)
      return yield* record(transport, withBody(request, read), raw, ({ content, fields, status }) =>
        Effect.succeed(answer(status, fields, content.length === 0 ? undefined : content))
      )
    })
  ).pipe(HttpClient.withTracerDisabledWhen(constTrue))
}

const sentOf = (history: History, { headers, method, url }: RawRequest): Sent => {
  const index = history.entries.length
  const sent: Sent = { _tag: "Sent", index, at: 0, method, url, headers, body: undefined, json: undefined }
  history.entries.push(sent)
  return sent
}
