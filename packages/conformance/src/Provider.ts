/** oidc-provider in this process, on a free port: an authorization server of another project. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import * as Https from "node:https"
import type * as Library from "oidc-provider"
import type { Records } from "./Database.js"
import { Adapter } from "./Database.js"
import { closed, listening } from "./Listening.js"

/** A request and its response, as a middleware in front of the server sees them. */
interface Exchange {
  readonly method: string
  readonly path: string
  readonly request: { readonly headers: Readonly<Record<string, string | undefined>> }
  status: number
  body: unknown
  readonly set: (name: string, value: string) => void
}

/** A middleware in front of the server: changes its response, or responds instead. */
export type Between = (exchange: Exchange, next: () => Promise<void>) => Promise<void>

/** Options of a server. */
export interface Options {
  /** Configuration of oidc-provider, which overrides {@link standard}. */
  readonly configuration?: Readonly<Record<string, unknown>> | undefined
  readonly features?: Readonly<Record<string, object>> | undefined
  readonly between?: Between | undefined
  /** Uses TLS instead of plain HTTP. */
  readonly tls?: Https.ServerOptions | undefined
}

/** A running server. */
export interface Provider {
  readonly issuer: string
  /** Number of requests, such as `POST /token`, since the first start. */
  readonly asked: (what: string) => number
  readonly stop: Effect.Effect<void>
  /** Starts it again on the same port, with its records or without them. */
  readonly start: (how: { readonly forgetful?: boolean } & Options) => Effect.Effect<void>
}

/** Configuration of every server. A case repeats what it depends on. */
const standard = {
  clockTolerance: 0,
  cookies: { keys: ["of no use here"] },
  issueRefreshToken: () => true,
  pkce: { required: () => true },
  rotateRefreshToken: true,
  scopes: ["openid", "offline_access", "read", "write"]
}

const features = {
  clientCredentials: { enabled: true },
  devInteractions: { enabled: true },
  introspection: { enabled: true },
  pushedAuthorizationRequests: { enabled: true },
  revocation: { enabled: true }
}

/** Removes warnings about Node 20 and development features: the server writes them to the output of the results. */
const hush = (name: "info" | "warn"): void => {
  const shown = console[name].bind(console)
  console[name] = (...what: ReadonlyArray<unknown>) => {
    if (!String(what[0]).includes("oidc-provider ")) shown(...what)
  }
}

let library: Promise<typeof Library> | undefined

const loaded = (): Promise<typeof Library> => {
  if (library === undefined) {
    hush("info")
    hush("warn")
    library = import("oidc-provider")
  }
  return library
}

type Listener = (request: Http.IncomingMessage, response: Http.ServerResponse) => void

/** Wait after a stop: until then the client may still use a closed connection. */
const heardOf = "100 millis"

/** The path of the API, which accepts tokens of the client credentials grant. */
const api = "/api"

/** The API, which accepts the tokens in the server's records. */
const guard = async (exchange: Exchange, { ClientCredentials }: InstanceType<typeof Library.default>) => {
  const token = exchange.request.headers["authorization"]?.replace("Bearer ", "") ?? ""
  const known = await ClientCredentials.find(token)
  exchange.status = known?.isValid === true ? 200 : 401
  if (exchange.status === 401) exchange.set("www-authenticate", `Bearer realm="api", error="invalid_token"`)
  exchange.body = {}
}

/** The request handler, over the server's records. */
const answering = (
  { default: Server }: typeof Library,
  issuer: string,
  adapter: (model: string) => Adapter,
  { between, configuration, features: more }: Options
): Listener => {
  const provider = new Server(issuer, {
    ...standard,
    adapter,
    ...configuration,
    features: { ...features, ...more }
  })
  provider.use((context, next) => {
    // `Exchange` is a part of Koa's context.
    const exchange = context as Exchange
    if (exchange.path === api) return guard(exchange, provider)
    return between === undefined ? next() : between(exchange, next)
  })
  return provider.callback()
}

/** Starts a server, which stops with the scope. */
export const make = (options: Options): Effect.Effect<Provider, never, Scope.Scope> =>
  Effect.gen(function* () {
    const library = yield* Effect.promise(loaded)
    const clock = yield* Effect.clock
    const asked = new Map<string, number>()
    let answer: Listener | undefined
    let records: Records = new Map()
    const adapter = (model: string) => new Adapter(records, model, () => clock.unsafeCurrentTimeMillis())
    const listener: Listener = (request, response) => {
      const what = `${request.method} ${request.url?.split("?")[0]}`
      asked.set(what, (asked.get(what) ?? 0) + 1)
      answer?.(request, response)
    }
    const create = () =>
      options.tls === undefined ? Http.createServer(listener) : Https.createServer(options.tls, listener)
    const server = yield* Effect.acquireRelease(Effect.sync(create), closed)
    const port = yield* listening(server, 0)
    const issuer = `${options.tls === undefined ? "http" : "https"}://127.0.0.1:${port}`
    answer = answering(library, issuer, adapter, options)
    return {
      issuer,
      asked: (what) => asked.get(what) ?? 0,
      stop: Effect.zipRight(closed(server), Effect.sleep(heardOf)),
      start: ({ forgetful = false, ...anew }) =>
        Effect.suspend(() => {
          if (forgetful) records = new Map()
          answer = answering(library, issuer, adapter, { ...options, ...anew })
          return Effect.asVoid(listening(server, port))
        })
    }
  })

/** A client registration with {@link secret}. */
export const registered = (id: string, more: object = {}): object => ({
  client_id: id,
  client_secret: secret,
  grant_types: ["authorization_code", "refresh_token", "client_credentials"],
  redirect_uris: [redirectUri],
  response_types: ["code"],
  ...more
})

/** Has characters that a form, a header and a body encode differently, and enough bytes for HS256. */
export const secret = "canary-secret:+%/~ of more than 32 bytes"

/** The redirect URI, without a listener. */
export const redirectUri = "https://app.test/callback"
