/** The server of the HTTP cache tests: each response is the one that the case describes. */
import * as HttpDate from "@countersign/protocol/HttpDate"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import { closed, listening } from "../Listening.js"
import type { Field, Step, Test } from "./Suite.js"

/** A request as the server received it, and the fields of its response that the client must receive. */
export interface Received {
  readonly number: number
  readonly method: string
  readonly headers: Http.IncomingHttpHeaders
  readonly sent: ReadonlyMap<string, string>
}

/** A case that is running. */
export interface Running {
  readonly test: Test
  /** Time of the server, in epoch milliseconds. */
  readonly now: () => number
  /** Moves the time of server and client by milliseconds. */
  readonly move: (ms: number) => void
  readonly received: Array<Received>
}

export interface OriginServer {
  readonly url: string
  /** Cases by the first segment of their paths. */
  readonly running: Map<string, Running>
}

const dateFields: ReadonlySet<string> = new Set(["date", "expires", "last-modified"])
const locationFields: ReadonlySet<string> = new Set(["location", "content-location"])

/** The text of a field. A number in a field for dates is a time in seconds from now. */
export const valueOf = ([name, value]: Field, now: number): string =>
  dateFields.has(String(name).toLowerCase()) && typeof value === "number"
    ? HttpDate.format(now + value * 1000)
    : String(value)

const fieldOf = (step: Step | undefined, name: string): string | undefined =>
  step?.response_headers
    ?.filter(([one]) => String(one).toLowerCase() === name)
    .map(([, value]) => String(value))
    .at(-1)

/** A validated response is a 304 if the request has the validator of the response before. Otherwise the case has failed. */
const statusOf = (step: Step, before: Step | undefined, { headers }: Http.IncomingMessage): number => {
  if (step.expected_type?.endsWith("validated") !== true) return step.response_status?.[0] ?? 200
  const matches = [
    ["if-none-match", "etag"],
    ["if-modified-since", "last-modified"]
  ].some(([condition = "", validator = ""]) => {
    const expected = fieldOf(before, validator)
    return expected !== undefined && headers[condition] === expected
  })
  return matches ? 304 : 999
}

const responseFields = (step: Step, now: number, path: string) => {
  const all = new Map<string, Array<string>>()
  const compared = new Map<string, string>()
  for (const field of step.response_headers ?? []) {
    const name = String(field[0]).toLowerCase()
    const value = valueOf(field, now)
    const isLocation = step.magic_locations === true && locationFields.has(name)
    const values = [...(all.get(name) ?? []), isLocation ? (value === "" ? path : `${path}/${value}`) : value]
    all.set(name, values)
    if (field[2] !== false) compared.set(name, values.join(", "))
  }
  return { all, compared }
}

const respond = (running: Running, id: string, request: Http.IncomingMessage, response: Http.ServerResponse): void => {
  const { received, test } = running
  const number = Number(request.headers["req-num"])
  const step = test.requests[number - 1]
  if (step === undefined) return void response.writeHead(409).end()
  const { all, compared } = responseFields(step, running.now(), request.url ?? "")
  const status = statusOf(step, test.requests[number - 2], request)
  response.statusCode = status
  response.setHeader("server-request-count", received.length + 1)
  response.setHeader("client-request-count", number)
  response.setHeader("server-now", running.now())
  for (const [name, values] of all) response.setHeader(name, values)
  if (!all.has("date")) response.setHeader("date", HttpDate.format(running.now()))
  if (!all.has("content-type")) response.setHeader("content-type", "text/plain")
  received.push({ number, method: request.method ?? "", headers: request.headers, sent: compared })
  response.setHeader("request-numbers", received.map((one) => one.number).join(" "))
  if (step.disconnect === true) return void request.socket.destroy()
  response.end(status === 204 || status === 304 ? undefined : (step.response_body ?? id))
}

/** Starts the server on a free port of loopback. */
export const make: Effect.Effect<OriginServer, never, Scope.Scope> = Effect.gen(function* () {
  const running = new Map<string, Running>()
  const server = Http.createServer((request, response) => {
    const id = (request.url ?? "").split(/[/?]/)[1] ?? ""
    const test = running.get(id)
    request.resume()
    if (test === undefined) return void response.writeHead(404).end()
    const step = test.test.requests[Number(request.headers["req-num"]) - 1]
    // The response takes this time, which passes at once.
    test.move((step?.response_pause ?? 0) * 1000)
    // Invalid fields of a case must not end the server.
    try {
      respond(test, id, request, response)
    } catch {
      response.destroy()
    }
  })
  const port = yield* Effect.acquireRelease(listening(server, 0), () => closed(server))
  return { url: `http://127.0.0.1:${port}`, running }
})
