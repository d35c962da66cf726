/** An HTTP server on loopback for one answer: bounded, and of no use for anything else. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
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

type Address = "127.0.0.1" | "::1"

export interface Place {
  readonly host: Address | "localhost"
  readonly port: number
  readonly path: string
}

/** A browser resolves `localhost` to either address. If only one of them were listened on, another process could have the other. */
const addressesOf = (host: Place["host"]): ReadonlyArray<Address> =>
  host === "localhost" ? ["127.0.0.1", "::1"] : [host]

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

/** What the `Host` field may be. Browsers leave the default port out. */
const authorities = (host: Place["host"], port: number): ReadonlyArray<string | undefined> => {
  const own = authority(host, port)
  return port === 80 ? [own, own.slice(0, -":80".length)] : [own]
}

/** Its parameters, if a request is for the place: by name as by address, since a name may be made to lead here. */
const parametersOf = (
  { headersDistinct, method, url = "" }: Http.IncomingMessage,
  own: ReadonlyArray<string | undefined>,
  path: string
): URLSearchParams | undefined => {
  const { host: hosts = [] } = headersDistinct
  if (method !== "GET" || hosts.length !== 1 || !own.includes(hosts[0])) return undefined
  const [place, ...query] = url.split("?")
  return place === path ? new URLSearchParams(query.join("?")) : undefined
}

interface Waiting {
  readonly accept: Accept
  readonly resume: (parameters: URLSearchParams) => void
}

const listening = (server: Http.Server, host: Address, port: number): Effect.Effect<number, Error> =>
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

const hasCode = (error: Error, ...codes: ReadonlyArray<string>): boolean =>
  "code" in error && codes.some((code) => code === error.code)

/** The machine has no such address. */
export const isWithoutAddress = (error: Error): boolean => hasCode(error, "EADDRNOTAVAIL", "EAFNOSUPPORT")

const serverOf = (): Http.Server => {
  const server = Http.createServer({
    maxHeaderSize: largestHead,
    headersTimeout: slowestHeadMs,
    requestTimeout: slowestHeadMs,
    connectionsCheckingInterval: 1_000
  })
  server.maxConnections = mostConnections
  return server
}

interface Opened {
  readonly servers: ReadonlyArray<Http.Server>
  readonly port: number
}

/** Listens on all addresses of the host that the machine has, on one port. */
const openedOn = ({ host, port }: Place): Effect.Effect<Opened, Error, Scope> =>
  Effect.gen(function* () {
    const servers: Array<Http.Server> = []
    let free = port
    let failure = new Error("no address")
    for (const address of addressesOf(host)) {
      const server = serverOf()
      yield* Effect.addFinalizer(() => closing(server))
      const result = yield* Effect.either(listening(server, address, free))
      if (Either.isRight(result)) {
        servers.push(server)
        free = result.right
      } else {
        failure = result.left
        if (isWithoutAddress(failure)) continue
        yield* Effect.forEach(servers, closing)
        return yield* Effect.fail(failure)
      }
    }
    return servers.length === 0 ? yield* Effect.fail(failure) : { servers, port: free }
  })

/** A port that is free on one address may be in use on the other one. */
const opened = (place: Place): Effect.Effect<Opened, Error, Scope> =>
  Effect.retry(openedOn(place), { times: 9, while: (error) => place.port === 0 && hasCode(error, "EADDRINUSE") })

/** Listens until the scope closes, or until the one request was answered. */
export const make = (place: Place): Effect.Effect<CallbackServer, Error, Scope> =>
  Effect.gen(function* () {
    let waiting: Waiting | undefined
    const { port, servers } = yield* opened(place)
    const own = authorities(place.host, port)
    const answer: Http.RequestListener = (request, response) => {
      const parameters = parametersOf(request, own, place.path)
      const { accept, resume } = waiting ?? {}
      if (parameters === undefined || resume === undefined || accept?.(parameters) !== true) {
        return respond(response, 404, "text/plain", "Not here.\n")
      }
      waiting = undefined
      response.once("close", () => resume(parameters))
      respond(response, 200, "text/html; charset=utf-8", page)
      for (const server of servers) server.close()
    }
    for (const server of servers) server.on("request", answer)
    return {
      port,
      wait: (accept) =>
        Effect.async<URLSearchParams>((resume) => {
          waiting = { accept, resume: (parameters) => resume(Effect.succeed(parameters)) }
          return Effect.sync(() => (waiting = undefined))
        })
    }
  })
