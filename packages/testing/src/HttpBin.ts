/**
 * Embedded httpbin for tests, on a port or in memory. Under `/countersign/`, it adds endpoints that ask for waits and that
 * reject credentials.
 *
 * | endpoint | response |
 * |---|---|
 * | `/get`, `/headers`; `/post`, `/put`, `/patch`, `/delete` | an echo |
 * | `/basic-auth/:user/:passwd` | 200, or 401 `Basic realm="Fake Realm"` without a body |
 * | `/digest-auth/:qop/:user/:passwd/:algorithm` | 200 with `rspauth` for `auth`, or 401 `Digest`. `algorithm` is `MD5` (also without it), `SHA-256` or `SHA-512-256`. A nonce count that is used twice is `stale` |
 * | `/bearer` | 200 for any token, or 401 `Bearer` |
 * | `/status/:codes` | the status, or one of several |
 * | `/cookies`, `/cookies/set?name=value`, `/cookies/set/:name/:value`, `/cookies/delete?name` | cookies |
 * | `/redirect-to?url=&status_code=`, `/redirect/:n`, `/relative-redirect/:n` | redirects |
 * | `/delay/:n` | an echo after n seconds, at most 10, on Effect's Clock |
 * | `/bytes/:n`, `/stream-bytes/:n?chunk_size=`, `/json`, `/html`, `/response-headers?name=value` | content |
 * | `/countersign/retry-after/:spelling?times=1&amount=1&key=` | 429 for the first `times` requests of a `key`, then 200. `amount` seconds are sent as `seconds` or `date` (`Retry-After`), as `ms` (`retry-after-ms`), or not (`none`) |
 * | `/countersign/unavailable?times=1&bytes=1048576&key=` | 503 with a large body for the first `times` requests of a `key`, then 200 |
 * | `POST /countersign/token?expires_in=3600` | `{ access_token, expires_in, token_type }`; GET returns `{ mints }` |
 * | `/countersign/bearer?refuse=1&key=` | 401 `Bearer error="invalid_token"` for the first `refuse` tokens of a `key`, permanently; 200 for other unexpired tokens of this server |
 * | `/countersign/pages/:style?pages=3&size=2` | numbers from 1 in pages. The next page is in `Link` (`link`), a member `next` (`url`) or `cursor` (`cursor`), or the client counts (`page`, `offset`). `circle=n`: page n leads back to page 1. `foreign=n`: page n leads to another host. `broken=n&key=`: page n is a 503 the first time |
 * | `POST /countersign/operations/:style?looks=2&result=succeeded&wait=` | 202 with the URL of a status in the field `style`: `location`, `operation-location` or `azure-asyncoperation`. The status is running for `looks` requests, then `succeeded`, `failed` or `canceled`; with `running` it never ends. `wait` seconds are sent in `Retry-After` |
 * | `/countersign/api-key` | 200 for a known `X-Api-Key`, 401 for others |
 * | `/countersign/signed` | 200 for a valid `X-Signature`, else 401 with its `reason`: `key`, `timestamp`, `nonce` or `signature` |
 *
 * **Signature of `/countersign/signed`.** `X-Signature` is an HMAC-SHA256 in lower-case hexadecimal. Its key is the secret of
 * `X-Api-Key`. Its message is five lines, joined by a line feed:
 *
 * 1. the method
 * 2. path and query as sent
 * 3. `X-Timestamp`: epoch seconds, at most 5 minutes off
 * 4. `X-Nonce`: usable once; an empty line without it
 * 5. SHA-256 of the body in lower-case hexadecimal; of nothing for GET
 *
 * Request bodies are read up to 64 KiB (413 beyond). Servers share no state.
 *
 * @example
 * import * as Basic from "@countersign/auth/Basic"
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as HttpBin from "@countersign/testing/HttpBin"
 * import * as Effect from "effect/Effect"
 * import * as Redacted from "effect/Redacted"
 *
 * // Without sockets: the server runs in memory, at its `baseUrl`.
 * const program = Effect.gen(function* () {
 *   const { baseUrl, requests } = yield* HttpBin.HttpBin
 *   const auth = Basic.make({ username: "ada", password: Redacted.make("a-password") })
 *   const api = yield* ApiClient.make({ baseUrl, auth })
 *   const { status } = yield* api.get("/basic-auth/ada/a-password")
 *   const [first] = yield* requests
 *   return { status, sent: first?.headers["authorization"] }
 * }).pipe(Effect.scoped, Effect.provide(HttpBin.layerMemory))
 *
 * @since 0.1.0
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpServer from "@effect/platform/HttpServer"
import type * as HttpServerError from "@effect/platform/HttpServerError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Auth from "./internal/httpBin/basicAuth.js"
import * as Content from "./internal/httpBin/content.js"
import * as Cookies from "./internal/httpBin/cookies.js"
import * as Digest from "./internal/httpBin/digestAuth.js"
import * as Echo from "./internal/httpBin/echo.js"
import * as Signed from "./internal/httpBin/hmacSignature.js"
import * as Limits from "./internal/httpBin/rateLimits.js"
import * as Operations from "./internal/httpBin/operations.js"
import * as Pages from "./internal/httpBin/pages.js"
import * as Redirects from "./internal/httpBin/redirects.js"
import * as Credentials from "./internal/httpBin/refusedCredentials.js"
import * as State from "./internal/httpBin/state.js"
import * as Responses from "./internal/httpBin/statuses.js"
import * as Memory from "./internal/httpServer/inMemoryTransport.js"
import * as Serve from "./internal/httpServer/listen.js"
import * as Recorder from "./internal/httpServer/requestRecorder.js"
import { toApp } from "./internal/httpServer/router.js"
import * as OptionNames from "./internal/options/optionNames.js"

/**
 * One request as the server received it.
 *
 * @since 0.1.0
 * @category models
 */
export type Received = Recorder.Received

/**
 * Credentials that a server accepts.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The only password that `/basic-auth` and `/digest-auth` accept, regardless of the path: set it to make authentication fail. */
  readonly password?: string | undefined
  /** Keys that `/countersign/api-key` accepts (`countersign-key`). */
  readonly apiKeys?: ReadonlyArray<string> | undefined
  /** Secrets by key for `/countersign/signed` (`countersign-secret` for `countersign-key`). */
  readonly signingKeys?: Readonly<Record<string, string>> | undefined
}

/**
 * Tag of a running httpbin server.
 *
 * @since 0.1.0
 * @category services
 */
export class HttpBin extends Context.Tag("@countersign/testing/HttpBin")<
  HttpBin,
  {
    /** URL of the server, without a trailing slash. */
    readonly baseUrl: string
    /** All requests, in order. */
    readonly requests: Effect.Effect<ReadonlyArray<Received>>
    /** Number of sockets that requests used (0 in memory). */
    readonly connections: Effect.Effect<number>
    /** Number of tokens that `/countersign/token` issued. */
    readonly mints: Effect.Effect<number>
  }
>() {}

const names: OptionNames.ShapeOf<Options> = { password: true, apiKeys: true, signingKeys: true }

const settings = (options: Options): State.Settings => ({
  password: options.password,
  apiKeys: new Set(options.apiKeys ?? ["countersign-key"]),
  signingKeys: new Map(Object.entries(options.signingKeys ?? { "countersign-key": "countersign-secret" }))
})

const build = (
  options: Options
): Effect.Effect<{
  readonly app: HttpApp.Default
  readonly service: (baseUrl: string) => Context.Tag.Service<HttpBin>
}> =>
  Effect.map(Recorder.make, ({ connections, record, requests }) => {
    const state = State.make()
    const accepted = settings(OptionNames.known("`HttpBin`", options, names))
    const rows = [
      ...[Echo, Cookies, Redirects, Content, Responses].flatMap((module) => module.routes),
      ...Auth.routes(accepted),
      ...Digest.routes(state, accepted),
      ...Limits.routes(state),
      ...Pages.routes(state),
      ...Operations.routes(state),
      ...Credentials.routes(state, accepted),
      ...Signed.routes(state, accepted)
    ]
    const mints = Effect.sync(() => state.minted.size)
    return { app: record(toApp(rows)), service: (baseUrl) => ({ baseUrl, requests, connections, mints }) }
  })

/**
 * Layer that serves on the `HttpServer` of the context until the scope closes. It fails with `ServeError` when the
 * `HttpServer` listens on a Unix socket.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (options: Options): Layer.Layer<HttpBin, HttpServerError.ServeError, HttpServer.HttpServer> =>
  Layer.scoped(
    HttpBin,
    Effect.gen(function* () {
      const { app, service } = yield* build(options)
      yield* Serve.serve(app)
      return service(yield* Serve.baseUrl)
    })
  )

/**
 * Layer that serves with default options on the `HttpServer` of the context. One application builds it once; each
 * {@link layerWith} makes a separate server.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<HttpBin, HttpServerError.ServeError, HttpServer.HttpServer> = layerWith({})

/**
 * Layer with the server and an `HttpClient` that reaches it in memory, at `http://httpbin.test`.
 *
 * The client does not follow redirects. The server runs in the caller's fiber with the caller's Clock. Requests to other
 * origins fail with `ENOTFOUND`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemoryWith = (options: Options): Layer.Layer<HttpBin | HttpClient.HttpClient> =>
  Layer.effectContext(
    Effect.map(build(options), ({ app, service }) => {
      const baseUrl = "http://httpbin.test"
      return Context.make(HttpBin, service(baseUrl)).pipe(
        Context.add(HttpClient.HttpClient, Memory.client(app, baseUrl))
      )
    })
  )

/**
 * Layer with default options, and an `HttpClient` that reaches the server in memory. One application builds it once; each
 * {@link layerMemoryWith} makes a separate server.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<HttpBin | HttpClient.HttpClient> = layerMemoryWith({})
