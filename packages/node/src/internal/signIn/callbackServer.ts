/** An HTTP server on loopback for one answer: bounded, and of no use for anything else. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Scope } from "effect/Scope"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"

/** Which of the requests is the one that is waited for. Others get a 404, and change nothing. */
type IsExpected = (parameters: URLSearchParams) => boolean

export interface CallbackServer {
  readonly port: number
  /** The parameters of the first request that is accepted, once its answer is written. Nothing is accepted before. */
  readonly waitForRequest: (isExpected: IsExpected) => Effect.Effect<URLSearchParams>
}

type Address = "127.0.0.1" | "::1"

export interface ListenOptions {
  readonly host: Address | "localhost"
  readonly port: number
  readonly path: string
}

/** A browser resolves `localhost` to either address. If only one of them were listened on, another process could have the other. */
const addressesOf = (host: ListenOptions["host"]): ReadonlyArray<Address> =>
  host === "localhost" ? ["127.0.0.1", "::1"] : [host]

/** An address of this many characters holds whatever a server sends; Node counts the head as a whole. */
const maxHeaderBytes = 8 * 1024

/** Whoever has not sent a head by then does not mean to. */
const headersTimeoutMs = 5_000

/** A browser opens a few connections ahead of what it needs. */
const maxConnections = 64

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

export const authority = (host: ListenOptions["host"], port: number): string =>
  host === "::1" ? `[::1]:${port}` : `${host}:${port}`

/** What the `Host` field may be. Browsers leave the default port out. */
const authorities = (host: ListenOptions["host"], port: number): ReadonlyArray<string | undefined> => {
  const hostWithPort = authority(host, port)
  return port === 80 ? [hostWithPort, hostWithPort.slice(0, -":80".length)] : [hostWithPort]
}

/** Its parameters, if a request is for the place: by name as by address, since a name may be made to lead here. */
const parametersOf = (
  { headersDistinct, method, url = "" }: Http.IncomingMessage,
  allowedHosts: ReadonlyArray<string | undefined>,
  path: string
): URLSearchParams | undefined => {
  const { host: hosts = [] } = headersDistinct
  if (method !== "GET" || hosts.length !== 1 || !allowedHosts.includes(hosts[0])) return undefined
  const [pathname, ...query] = url.split("?")
  return pathname === path ? new URLSearchParams(query.join("?")) : undefined
}

interface PendingCallback {
  readonly isExpected: IsExpected
  readonly resume: (parameters: URLSearchParams) => void
}

const listen = (server: Http.Server, host: Address, port: number): Effect.Effect<number, Error> =>
  Effect.async<number, Error>((resume) => {
    server.once("error", (error) => resume(Effect.fail(error)))
    // An address of a listener on TCP is one with a port.
    server.listen({ host, port }, () => resume(Effect.succeed((server.address() as AddressInfo).port)))
  })

const close = (server: Http.Server): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  })

const hasCode = (error: Error, ...codes: ReadonlyArray<string>): boolean =>
  "code" in error && codes.some((code) => code === error.code)

/** The machine has no such address. */
export const isAddressUnavailable = (error: Error): boolean => hasCode(error, "EADDRNOTAVAIL", "EAFNOSUPPORT")

const makeServer = (): Http.Server => {
  const server = Http.createServer({
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: headersTimeoutMs,
    requestTimeout: headersTimeoutMs,
    connectionsCheckingInterval: 1_000
  })
  server.maxConnections = maxConnections
  return server
}

interface OpenServers {
  readonly servers: ReadonlyArray<Http.Server>
  readonly port: number
}

/** Listens on all addresses of the host that the machine has, on one port. */
const openServers = ({ host, port }: ListenOptions): Effect.Effect<OpenServers, Error, Scope> =>
  Effect.gen(function* () {
    const servers: Array<Http.Server> = []
    let boundPort = port
    let failure = new Error("no address")
    for (const address of addressesOf(host)) {
      const server = makeServer()
      yield* Effect.addFinalizer(() => close(server))
      const result = yield* Effect.either(listen(server, address, boundPort))
      if (Either.isRight(result)) {
        servers.push(server)
        boundPort = result.right
      } else {
        failure = result.left
        if (isAddressUnavailable(failure)) continue
        yield* Effect.forEach(servers, close)
        return yield* Effect.fail(failure)
      }
    }
    return servers.length === 0 ? yield* Effect.fail(failure) : { servers, port: boundPort }
  })

/** A port that is free on one address may be in use on the other one. */
const openServersOnOnePort = (options: ListenOptions): Effect.Effect<OpenServers, Error, Scope> =>
  Effect.retry(openServers(options), { times: 9, while: (error) => options.port === 0 && hasCode(error, "EADDRINUSE") })

/** Listens until the scope closes, or until the one request was answered. */
export const make = (options: ListenOptions): Effect.Effect<CallbackServer, Error, Scope> =>
  Effect.gen(function* () {
    let pending: PendingCallback | undefined
    const { port, servers } = yield* openServersOnOnePort(options)
    const allowedHosts = authorities(options.host, port)
    const onRequest: Http.RequestListener = (request, response) => {
      const parameters = parametersOf(request, allowedHosts, options.path)
      const { isExpected, resume } = pending ?? {}
      if (parameters === undefined || resume === undefined || isExpected?.(parameters) !== true) {
        return respond(response, 404, "text/plain", "Not here.\n")
      }
      pending = undefined
      response.once("close", () => resume(parameters))
      respond(response, 200, "text/html; charset=utf-8", page)
      for (const server of servers) server.close()
    }
    for (const server of servers) server.on("request", onRequest)
    return {
      port,
      waitForRequest: (isExpected) =>
        Effect.async<URLSearchParams>((resume) => {
          pending = { isExpected, resume: (parameters) => resume(Effect.succeed(parameters)) }
          return Effect.sync(() => (pending = undefined))
        })
    }
  })
