/** oidc-provider in this process, on a port of its own: an authorization server that is not ours. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import * as Https from "node:https"
import type * as Library from "oidc-provider"
import type { Records } from "./Database.js"
import { Adapter } from "./Database.js"
import { closed, listening } from "./Listening.js"

/** A request and its answer, as what stands in front of the server sees them. */
interface Exchange {
  readonly method: string
  readonly path: string
  readonly request: { readonly headers: Readonly<Record<string, string | undefined>> }
  status: number
  body: unknown
  readonly set: (name: string, value: string) => void
}

/** Stands in front of the server: changes what it answers, or answers in its place. */
export type Between = (exchange: Exchange, next: () => Promise<void>) => Promise<void>

/** What a server is started with. */
export interface Options {
  /** As oidc-provider takes it, over {@link standard}. */
  readonly configuration?: Readonly<Record<string, unknown>> | undefined
  readonly features?: Readonly<Record<string, object>> | undefined
  readonly between?: Between | undefined
  /** Speaks TLS, and not plain HTTP. */
  readonly tls?: Https.ServerOptions | undefined
}

/** A server while it runs. */
export interface Provider {
  readonly issuer: string
  /** How often it was asked for something, such as `POST /token`, since it was started first. */
  readonly asked: (what: string) => number
  readonly stop: Effect.Effect<void>
  /** Starts it again where it was; what it has issued is as it was, or gone. */
  readonly start: (how: { readonly forgetful?: boolean } & Options) => Effect.Effect<void>
}

/** What every server here can do; a case that is about something says so again. */
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

/** It warns of Node 20, on which it works, and of what is only for development: on the output that our answer goes to. */
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

/** Until a client has heard that its connections are closed; what it sends before that may or may not have been read. */
const heardOf = "100 millis"

/** The one path that is an API's, whose tokens are the clients' own. */
const api = "/api"

/** The API, which takes the tokens that it finds in the server's books. */
const guard = async (exchange: Exchange, { ClientCredentials }: InstanceType<typeof Library.default>) => {
  const token = exchange.request.headers["authorization"]?.replace("Bearer ", "") ?? ""
  const known = await ClientCredentials.find(token)
  exchange.status = known?.isValid === true ? 200 : 401
  if (exchange.status === 401) exchange.set("www-authenticate", `Bearer realm="api", error="invalid_token"`)
  exchange.body = {}
}

/** What answers requests, over what the server has in its books. */
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
    // Koa's context, of which this is a part.
    const exchange = context as Exchange
    if (exchange.path === api) return guard(exchange, provider)
    return between === undefined ? next() : between(exchange, next)
  })
  return provider.callback()
}

/** Starts a server, which is stopped with the scope. */
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

/** A client as the server has it in its books, with {@link secret}. */
export const registered = (id: string, more: object = {}): object => ({
  client_id: id,
  client_secret: secret,
  grant_types: ["authorization_code", "refresh_token", "client_credentials"],
  redirect_uris: [redirectUri],
  response_types: ["code"],
  ...more
})

/** With characters that are encoded otherwise in a form, in a header and in a body; long enough to sign with. */
export const secret = "canary-secret:+%/~ of more than 32 bytes"

/** Where browsers are sent back to; nothing listens there. */
export const redirectUri = "https://app.test/callback"
