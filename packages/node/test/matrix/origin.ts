/** An origin that records every request as it arrives. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { createServer } from "node:http"
import { createSecureServer } from "node:http2"
import { createServer as createHttpsServer } from "node:https"
import { certificates } from "../support/certificates.js"
import { listen } from "../support/server.js"

/** A request as the origin received it. Names of header fields are in lower case, values are Latin-1. */
export interface Received {
  readonly method: string | undefined
  /** The path and the query, byte for byte. */
  readonly path: string | undefined
  readonly fields: ReadonlyArray<readonly [name: string, value: string]>
  readonly body: Buffer
}

/** A request as Node's servers expose it, over HTTP/1.1 and over HTTP/2. */
interface Incoming extends AsyncIterable<unknown> {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly rawHeaders: ReadonlyArray<string>
}

interface Outgoing {
  readonly end: () => unknown
}

/** The request line of HTTP/2: RFC 9113 §8.3.1. */
const requestLine = new Set([":method", ":path"])

const fieldsOf = (raw: ReadonlyArray<string>): Array<readonly [string, string]> =>
  raw.flatMap((name, at) =>
    at % 2 === 0 && !requestLine.has(name) ? [[name.toLowerCase(), raw[at + 1] ?? ""] as const] : []
  )

const bytesOf = async (incoming: Incoming): Promise<Buffer> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of incoming) if (chunk instanceof Buffer) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** An origin and the requests that it received. */
export interface Origin {
  readonly url: string
  readonly received: Array<Received>
}

export type Protocol = "http" | "https" | "h2"

/** Starts an origin for a protocol. It ends with the scope. */
export const start = (protocol: Protocol): Effect.Effect<Origin, never, Scope.Scope> =>
  Effect.gen(function* () {
    const received: Array<Received> = []
    const record = (incoming: Incoming, outgoing: Outgoing) => {
      const { method, rawHeaders, url: path } = incoming
      void bytesOf(incoming).then((body) => {
        received.push({ method, path, fields: fieldsOf(rawHeaders), body })
        outgoing.end()
      })
    }
    const identity = certificates?.server ?? {}
    const server =
      protocol === "http"
        ? createServer(record)
        : protocol === "https"
          ? createHttpsServer(identity, record)
          : createSecureServer(identity, record)
    const { url } = yield* listen(server, protocol === "http" ? "http" : "https")
    return { url, received }
  })
