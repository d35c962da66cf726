/** A server for uploads over both protocols. */
import * as NodeTransport from "@countersign/node/NodeTransport"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { createHash } from "node:crypto"
import type { IncomingMessage, ServerResponse } from "node:http"
import { createServer } from "node:http"
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2"
import { createSecureServer } from "node:http2"
import { certificates } from "./certificates.js"
import type { TestServer } from "./server.js"
import { listen } from "./server.js"

export type Incoming = IncomingMessage | Http2ServerRequest
export type Outgoing = ServerResponse | Http2ServerResponse

/** An upload as the server received it. */
export interface Upload {
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly hash: string
  readonly length: number
}

/** Reads a body to its end. Undefined if it broke off. */
export const read = (request: Incoming): Promise<Upload | undefined> =>
  new Promise((resolve) => {
    const hash = createHash("sha256")
    let length = 0
    request.on("data", (bytes: Buffer) => {
      length += bytes.length
      hash.update(bytes)
    })
    request.on("end", () => resolve({ headers: request.headers, hash: hash.digest("hex"), length }))
    request.on("close", () => resolve(undefined))
    request.on("error", () => resolve(undefined))
  })

export type Answer = (request: Incoming, response: Outgoing) => void

/** Sends a response without a body. */
export const respond = (response: Outgoing, status: number, headers: Readonly<Record<string, string>> = {}): void => {
  if ("stream" in response) response.writeHead(status, { ...headers })
  else response.writeHead(status, { "content-length": "0", ...headers })
  response.end()
}

/** A protocol: its transport, and how to serve with it. */
export interface Protocol {
  readonly name: string
  readonly transport: Layer.Layer<HttpClient.HttpClient>
  readonly serve: (answer: Answer) => Effect.Effect<TestServer, never, Scope.Scope>
}

/** HTTP/2 needs certificates. */
export const protocols: ReadonlyArray<Protocol> = [
  {
    name: "HTTP/1.1",
    transport: NodeTransport.layer,
    serve: (answer) => Effect.suspend(() => listen(createServer(answer)))
  },
  ...(certificates === undefined
    ? []
    : [
        {
          name: "HTTP/2",
          transport: NodeTransport.layerWith({ allowH2: true, tls: { ca: certificates.ca } }),
          serve: (answer: Answer) =>
            Effect.suspend(() => listen(createSecureServer({ ...certificates?.server }, answer), "https"))
        }
      ])
]
