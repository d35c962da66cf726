/** An HTTP server on loopback for one answer: bounded, and of no use for anything else. */
import * as Effect from "effect/Effect"
import type { Scope } from "effect/Scope"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"

/** Which of the requests is the one that is waited for. Others get a 404, and change nothing. */
type Accept = (parameters: URLSearchParams) => boolean

export interface CallbackServer {
  readonly port: number
  /** The parameters of the first request that is accepted, once its answer is written. Nothing is accepted before. */
  readonly wait: (accept: Accept) => Effect.Effect<URLSearchParams>
}

export interface Place {
  readonly host: "127.0.0.1" | "::1"
  readonly port: number
  readonly path: string
}

/** An address of this many characters holds whatever a server sends; Node counts the head as a whole. */
const largestHead = 8 * 1024

/** Whoever has not sent a head by then does not mean to. */
const slowestHeadMs = 5_000

/** A browser opens a few connections ahead of what it needs. */
const mostConnections = 64

/** Nothing of the request is in it, and nothing that a browser would load, run or send. */
const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Sign-in</title>
<p>The answer has arrived. You may close this window.</p>
</html>
`

const headers = {
  "cache-control": "no-store",
  connection: "close",
  "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY"
}

const respond = (response: Http.ServerResponse, status: number, type: string, text: string): void => {
  response.writeHead(status, { ...headers, "content-type": type, "content-length": Buffer.byteLength(text) })
  response.end(text)
}

export const authority = (host: Place["host"], port: number): string =>
  host === "::1" ? `[::1]:${port}` : `${host}:${port}`

/** Its parameters, if a request is for the place: by name as by address, since a name may be made to lead here. */
const parametersOf = (
  { headersDistinct, method, url = "" }: Http.IncomingMessage,
  own: string,
  path: string
): URLSearchParams | undefined => {
  const { host: hosts = [] } = headersDistinct
  if (method !== "GET" || hosts.length !== 1 || hosts[0] !== own) return undefined
  const [place, ...query] = url.split("?")
  return place === path ? new URLSearchParams(query.join("?")) : undefined
}

interface Waiting {
  readonly accept: Accept
  readonly resume: (parameters: URLSearchParams) => void
}

const listening = (server: Http.Server, { host, port }: Place): Effect.Effect<number, Error> =>
  Effect.async<number, Error>((resume) => {
    server.once("error", (error) => resume(Effect.fail(error)))
    // An address of a listener on TCP is one with a port.
    server.listen({ host, port }, () => resume(Effect.succeed((server.address() as AddressInfo).port)))
  })

const closing = (server: Http.Server): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  })

/** Listens until the scope closes, or until the one request was answered. */
export const make = (place: Place): Effect.Effect<CallbackServer, Error, Scope> =>
  Effect.gen(function* () {
    let waiting: Waiting | undefined
    const server = Http.createServer({
      maxHeaderSize: largestHead,
      headersTimeout: slowestHeadMs,
      requestTimeout: slowestHeadMs,
      connectionsCheckingInterval: 1_000
    })
    server.maxConnections = mostConnections
    yield* Effect.addFinalizer(() => closing(server))
    const port = yield* listening(server, place)
    const own = authority(place.host, port)
    server.on("request", (request, response) => {
      const parameters = parametersOf(request, own, place.path)
      const { accept, resume } = waiting ?? {}
      if (parameters === undefined || resume === undefined || accept?.(parameters) !== true) {
        return respond(response, 404, "text/plain", "Not here.\n")
      }
      waiting = undefined
      response.once("close", () => resume(parameters))
      respond(response, 200, "text/html; charset=utf-8", page)
      server.close()
    })
    return {
      port,
      wait: (accept) =>
        Effect.async<URLSearchParams>((resume) => {
          waiting = { accept, resume: (parameters) => resume(Effect.succeed(parameters)) }
          return Effect.sync(() => (waiting = undefined))
        })
    }
  })
