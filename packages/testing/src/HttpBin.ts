/**
 * The endpoints of httpbin that the tutorial's scenarios use, on a real port or in memory, and beyond them, under
 * `/countersign/`, servers that ask to be waited for and refuse what they are told to refuse.
 *
 * | endpoint | answers |
 * |---|---|
 * | `/get`, `/headers`; `/post`, `/put`, `/patch`, `/delete` | an echo |
 * | `/basic-auth/:user/:passwd` | 200, or 401 `Basic realm="Fake Realm"` without a body |
 * | `/bearer` | 200 for any token, or 401 `Bearer` |
 * | `/status/:codes` | the status, or one of several |
 * | `/cookies`, `/cookies/set?name=value`, `/cookies/set/:name/:value`, `/cookies/delete?name` | cookies |
 * | `/redirect-to?url=&status_code=`, `/redirect/:n`, `/relative-redirect/:n` | redirects |
 * | `/delay/:n` | an echo after n seconds, 10 at most, on Effect's clock |
 * | `/bytes/:n`, `/stream-bytes/:n?chunk_size=`, `/json`, `/html`, `/response-headers?name=value` | content |
 * | `/countersign/retry-after/:spelling?times=1&amount=1&key=` | 429 for the first `times` requests of a `key`, then 200; `amount` seconds are spelled as `seconds` or `date` (`Retry-After`), `ms` (`retry-after-ms`) or `none` |
 * | `/countersign/unavailable?times=1&bytes=1048576&key=` | 503 with a large body for the first `times` requests of a `key`, then 200 |
 * | `POST /countersign/token?expires_in=3600` | `{ access_token, expires_in, token_type }`; GET tells `{ mints }` |
 * | `/countersign/bearer?refuse=1&key=` | 401 `Bearer error="invalid_token"` for the first `refuse` tokens that it sees for a `key`, for good; 200 for others that were minted here and have not expired |
 * | `/countersign/api-key` | 200 for a known `X-Api-Key`, 401 for others |
 * | `/countersign/signed` | 200 for a good `X-Signature`, else 401 with its `reason`: `key`, `timestamp`, `nonce` or `signature` |
 *
 * **What `/countersign/signed` recomputes.** `X-Signature` is the HMAC-SHA256, in lower-case hexadecimal, keyed with the
 * secret of `X-Api-Key`, of five lines joined by a line feed: the method; path and query as sent; `X-Timestamp` (epoch
 * seconds, at most 5 minutes off); `X-Nonce` (once only; an empty line without it); and the lower-case hexadecimal
 * SHA-256 of the body, of nothing for GET.
 *
 * Request bodies are read up to 64 KiB (413 beyond). Each server has a state of its own.
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
import * as Echo from "./internal/httpBin/echo.js"
import * as Signed from "./internal/httpBin/hmacSignature.js"
import * as Limits from "./internal/httpBin/rateLimits.js"
import * as Redirects from "./internal/httpBin/redirects.js"
import * as Credentials from "./internal/httpBin/refusedCredentials.js"
import * as State from "./internal/httpBin/state.js"
import * as Responses from "./internal/httpBin/statuses.js"
import * as Memory from "./internal/httpServer/inMemoryTransport.js"
import * as Serve from "./internal/httpServer/listen.js"
import * as Recorder from "./internal/httpServer/requestRecorder.js"
import { toApp } from "./internal/httpServer/router.js"

/**
 * One request as the server saw it: `path` with its query, names of `headers` in lower case, `at` in epoch milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export type Received = Recorder.Received

/**
 * What a server accepts. `password` is the only right one of `/basic-auth`, whatever the path says: a way to break a
 * scenario on purpose. `apiKeys` are those of `/countersign/api-key` (`countersign-key`), `signingKeys` maps the keys of
 * `/countersign/signed` to their secrets (`countersign-key` to `countersign-secret`).
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly password?: string | undefined
  readonly apiKeys?: ReadonlyArray<string> | undefined
  readonly signingKeys?: Readonly<Record<string, string>> | undefined
}

/**
 * A running server: `baseUrl` has no slash at its end; `requests` are all that came, in order; `connections` counts the
 * sockets that they came on (0 in memory); `mints` counts the tokens of `/countersign/token`.
 *
 * @since 0.1.0
 * @category services
 */
export class HttpBin extends Context.Tag("@countersign/testing/HttpBin")<
  HttpBin,
  {
    readonly baseUrl: string
    readonly requests: Effect.Effect<ReadonlyArray<Received>>
    readonly connections: Effect.Effect<number>
    readonly mints: Effect.Effect<number>
  }
>() {}

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
    const accepted = settings(options)
    const rows = [
      ...[Echo, Cookies, Redirects, Content, Responses].flatMap((module) => module.routes),
      ...Auth.routes(accepted),
      ...Limits.routes(state),
      ...Credentials.routes(state, accepted),
      ...Signed.routes(state, accepted)
    ]
    const mints = Effect.sync(() => state.minted.size)
    return { app: record(toApp(rows)), service: (baseUrl) => ({ baseUrl, requests, connections, mints }) }
  })

/**
 * Serves on the `HttpServer` that it is given, until the scope closes. It fails with `ServeError` when that one listens
 * on a Unix socket.
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
 * {@link layerWith} the default options. Provided in several places of one application it is one server; each
 * `layerWith({})` is another.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<HttpBin, HttpServerError.ServeError, HttpServer.HttpServer> = layerWith({})

/**
 * The same server as a transport in memory, at `http://httpbin.test`. It follows no redirect, answers in the caller's
 * fiber, on the caller's clock, and fails for any other origin as for a host that is not found.
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
 * {@link layerMemoryWith} the default options. Provided in several places of one application it is one server; each
 * `layerMemoryWith({})` is another.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<HttpBin | HttpClient.HttpClient> = layerMemoryWith({})
