import type { IncomingMessage, RequestListener, Server } from "node:http"
import { createServer } from "node:http"
import { createServer as createHttpsServer } from "node:https"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { certificates } from "./certificates.js"
import type { TestServer } from "./server.js"
import { listen } from "./server.js"

/** A request as the origin received it, with random values replaced. */
export interface RecordedRequest {
  readonly line: string
  /** `name: value`, with the name in lower case, sorted by name. */
  readonly fields: ReadonlyArray<string>
  readonly body: string
}

/** An origin, and the requests that it received. */
export interface Recorder extends TestServer {
  readonly requests: Array<RecordedRequest>
}

/** Fields of a single connection and fields that squid adds: they differ between routes. */
const routeFields = new Set(["connection", "via", "x-forwarded-for", "cache-control", "host"])

const fieldsOf = (raw: ReadonlyArray<string>): ReadonlyArray<string> => {
  const names = raw.filter((_, at) => at % 2 === 0)
  const fields = names.map((name, at) => [name.toLowerCase(), raw[2 * at + 1] ?? ""] as const)
  return fields
    .filter(([name]) => !routeFields.has(name))
    .map(([name, value]) => `${name}: ${value}`)
    .sort()
}

const boundary = /boundary=("?)([^";]+)\1/

const recorded = (incoming: IncomingMessage, body: string): RecordedRequest => {
  const ownBoundary = boundary.exec(incoming.headers["content-type"] ?? "")?.[2]
  const replaced = (text: string) => (ownBoundary === undefined ? text : text.replaceAll(ownBoundary, "BOUNDARY"))
  return {
    line: `${incoming.method} ${incoming.url}`,
    fields: fieldsOf(incoming.rawHeaders).map(replaced),
    body: replaced(body)
  }
}

/** An origin that records each request with its body before `listener` responds. */
export const recorder = (
  listener: RequestListener,
  options: { readonly secure: boolean } = { secure: false }
): Effect.Effect<Recorder, never, Scope.Scope> =>
  Effect.gen(function* () {
    const requests: Array<RecordedRequest> = []
    const record: RequestListener = (incoming, outgoing) => {
      const chunks: Array<Buffer> = []
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk))
      incoming.on("end", () => {
        requests.push(recorded(incoming, Buffer.concat(chunks).toString("latin1")))
        listener(incoming, outgoing)
      })
    }
    const server: Server = options.secure
      ? createHttpsServer({ ...certificates?.server }, record)
      : createServer(record)
    return Object.assign(yield* listen(server, options.secure ? "https" : "http"), { requests })
  })
