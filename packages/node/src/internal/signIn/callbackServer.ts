/** An HTTP server on loopback that accepts one request, with limits on its size, its time and its connections. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Scope } from "effect/Scope"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"

/** Whether a request is the expected one. Other requests get a 404 and change nothing. */
type IsExpected = (parameters: URLSearchParams) => boolean

export interface CallbackServer {
  readonly port: number
  /** The parameters of the first expected request, after its response was written. Earlier requests get a 404. */
  readonly waitForRequest: (isExpected: IsExpected) => Effect.Effect<URLSearchParams>
}

type Address = "127.0.0.1" | "::1"

export interface ListenOptions {
  readonly host: Address | "localhost"
  readonly port: number
  readonly path: string
}

/**
 * A browser resolves `localhost` to either address. Listening on one of them would leave the other to another process.
 */
const addressesOf = (host: ListenOptions["host"]): ReadonlyArray<Address> =>
  host === "localhost" ? ["127.0.0.1", "::1"] : [host]

/** In bytes. An authorization response has less. Node counts the whole header section. */
const maxHeaderBytes = 8 * 1024

/** A request with an incomplete header section is ended after this time. */
const headersTimeoutMs = 5_000

/** Browsers open a few connections in advance. */
const maxConnections = 64

/** The page contains nothing of the request, and no resource, script or form. */
const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Sign-in</title>
<p>The response has arrived. You may close this window.</p>
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

/** The valid values of `Host`. Browsers omit the default port. */
const authorities = (host: ListenOptions["host"], port: number): ReadonlyArray<string | undefined> => {
  const hostWithPort = authority(host, port)
  return port === 80 ? [hostWithPort, hostWithPort.slice(0, -":80".length)] : [hostWithPort]
}

/** The parameters of a request for this path and host. Checking `Host` protects against DNS rebinding. */
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
    // The address of a TCP listener has a port.
    server.listen({ host, port }, () => resume(Effect.succeed((server.address() as AddressInfo).port)))
  })

const close = (server: Http.Server): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  })

const hasCode = (error: Error, ...codes: ReadonlyArray<string>): boolean =>
  "code" in error && codes.some((code) => code === error.code)

/** Whether the machine lacks the address. */
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

/** Listens on one port, on every address of the host that the machine has. */
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

/** Retries with another free port: a port that is free on one address may be used on the other. */
const openServersOnOnePort = (options: ListenOptions): Effect.Effect<OpenServers, Error, Scope> =>
  Effect.retry(openServers(options), { times: 9, while: (error) => options.port === 0 && hasCode(error, "EADDRINUSE") })

/** Listens until the scope closes, or until the expected request was answered. */
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
