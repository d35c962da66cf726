/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Clients for code without Effect: every call returns a Promise.
 *
 * A Promise is rejected with the error of the call itself, such as `Unauthorized`, and never with a wrapper of Effect.
 *
 * @since 0.1.0
 */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type { ApiClient } from "./ApiClient.js"
import type { ApiError } from "./Errors.js"
import { openWebResponse } from "./internal/promise/openWebResponse.js"
import { makePromiseRunner } from "./internal/promise/promiseRunner.js"
import type { AnyVerb, BodyVerb, OpenVerb, SignalOptions, Verb } from "./internal/promise/verbs.js"
import { iterateStream } from "./internal/promise/pull.js"
import { toWebResponse } from "./internal/promise/webResponse.js"

/**
 * The client is closed: `close` was called before the call, or during it.
 *
 * @since 0.1.0
 * @category errors
 */
export class ClientClosed
  extends /* @__PURE__ */ Data.TaggedError("ClientClosed")<{
    readonly message: string
  }>
{
  constructor() {
    super({ message: "The call was not completed: the client is closed. Call `close` after the last call." })
  }
}

export type { AnyVerb, BodyVerb, OpenVerb, PlainSchema, Result, SignalOptions, Verb } from "./internal/promise/verbs.js"

/**
 * The client of one API with Promises. `E` has the errors of its effects, for `run` and `iterate`.
 *
 * @since 0.1.0
 * @category models
 */
export interface PromiseClient<out E = ApiError> {
  /** Sends a GET request. With `schema` the result is the decoded body, without it a `Response`. */
  readonly get: Verb
  /** Sends a HEAD request. */
  readonly head: Verb
  /** Sends an OPTIONS request. */
  readonly options: Verb
  /** Sends a POST request. The body is one of `json`, `form`, `multipart`, `text` and `body`. */
  readonly post: BodyVerb
  /** Sends a PUT request. */
  readonly put: BodyVerb
  /** Sends a PATCH request. */
  readonly patch: BodyVerb
  /** Sends a DELETE request. */
  readonly delete: BodyVerb
  /** Sends a request with any method: `api.request("PROPFIND", "/files")`. */
  readonly request: AnyVerb
  /** Sends a request, and returns a `Response` with its body as a stream, when the header of the response has arrived. */
  readonly open: OpenVerb
  /**
   * Runs any effect of the client. The Promise is rejected with its error or its defect.
   *
   * @param use - makes the effect.
   * @param options - the signal that interrupts it.
   */
  readonly run: <A, E1>(use: (api: ApiClient<E>) => Effect.Effect<A, E1>, options?: SignalOptions) => Promise<A>
  /**
   * Runs a stream of the client in `for await`. Its source is read as the loop asks for elements. When the loop ends or
   * breaks, the stream is closed. Each loop runs the stream anew.
   *
   * @param use - makes the stream.
   * @param options - the signal that ends it.
   */
  readonly iterate: <A, E1>(
    use: (api: ApiClient<E>) => Stream.Stream<A, E1>,
    options?: SignalOptions
  ) => AsyncIterable<A>
  /**
   * Interrupts all calls and loops, and releases the client: connections and background work. Their Promises, and those of
   * later calls, are rejected with {@link ClientClosed}.
   */
  readonly close: () => Promise<void>
  /** The same as `close`, for `await using`. */
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

interface AnyOptions extends SignalOptions {
  readonly schema?: unknown
  readonly withResponse?: boolean
}

type Send = (options: object) => Effect.Effect<unknown, unknown>

/** Converts the result of a verb: a response to a `Response`, alone or in `[body, response]`. */
const convert = (result: unknown, { schema, withResponse }: AnyOptions): Effect.Effect<unknown> => {
  // Without `schema` the result of a verb is a response, with `withResponse` a tuple.
  if (schema === undefined) return toWebResponse(result as HttpClientResponse)
  if (withResponse !== true) return Effect.succeed(result)
  // The verb returns a tuple.
  const [body, response] = result as readonly [unknown, HttpClientResponse]
  return Effect.map(toWebResponse(response), (converted) => [body, converted])
}

/**
 * Makes a client with Promises.
 *
 * The Layer is built once, at the first call. If it fails, the calls that wait for it are rejected with its error, and the next
 * call builds it again.
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as Auth from "@countersign/client/Auth"
 * import * as PromiseClient from "@countersign/client/PromiseClient"
 * import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
 * import * as Layer from "effect/Layer"
 * import * as Schema from "effect/Schema"
 *
 * class GitHub extends ApiClient.Tag("app/GitHub")<GitHub>() {}
 *
 * const Live = GitHub.layer({ baseUrl: "https://api.github.com", auth: Auth.none }).pipe(Layer.provide(FetchHttpClient.layer))
 *
 * const github = PromiseClient.make(GitHub, Live)
 * const loginOf = async (id: number) => {
 *   const user = await github.get("/user/{id}", { path: { id }, schema: Schema.Struct({ login: Schema.String }) })
 *   return user.login
 * }
 *
 * @param tag - the tag of the API.
 * @param layer - makes the client of the API. It requires no service.
 * @since 0.1.0
 * @category constructors
 */
export const make = <Self, E, E1>(
  tag: Context.Tag<Self, ApiClient<E>>,
  layer: Layer.Layer<Self, E1>
): PromiseClient<E> => {
  const runner = makePromiseRunner(layer, () => new ClientClosed())

  const call = async (use: (api: ApiClient<E>) => Send, options: AnyOptions = {}): Promise<unknown> => {
    const { signal, ...rest } = options
    return runner.run(
      Effect.flatMap(tag, (api) => Effect.flatMap(use(api)(rest), (result) => convert(result, rest))),
      signal
    )
  }
  const verb = (name: "get" | "head" | "options" | "post" | "put" | "patch" | "delete") => {
    const send = (url: string, options?: AnyOptions) =>
      // All verbs take the same arguments when they run. `BodyVerb` declares the options of any of them.
      call((api) => (rest) => (api[name] as ApiClient<E>["post"])(url, rest), options)
    // The interfaces declare the types of schemas and results.
    return send as BodyVerb
  }
  const request = (method: string, url: string, options?: AnyOptions) =>
    call((api) => (rest) => api.request(method, url, rest), options)

  const open = (url: string, { signal, ...rest }: SignalOptions = {}) =>
    openWebResponse(
      runner,
      Effect.flatMap(tag, (api) => api.open(url, rest)),
      signal
    )

  return {
    get: verb("get"),
    head: verb("head"),
    options: verb("options"),
    post: verb("post"),
    put: verb("put"),
    patch: verb("patch"),
    delete: verb("delete"),
    // The interface declares the types of schemas and results.
    request: request as AnyVerb,
    // The interface declares the options of schemas and paths.
    open: open,
    run: (use, { signal } = {}) => runner.run(Effect.flatMap(tag, use), signal),
    iterate: (use, { signal } = {}) => ({
      [Symbol.asyncIterator]: () => iterateStream(runner, Stream.unwrap(Effect.map(tag, use)), signal)
    }),
    close: runner.close,
    [Symbol.asyncDispose]: runner.close
  }
}
