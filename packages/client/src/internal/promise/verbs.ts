/** The verbs of a client with Promises. */
import type * as Schema from "effect/Schema"
import type * as Call from "../../Call.js"

/**
 * A schema that requires no service, or none.
 *
 * @since 0.1.0
 * @category models
 */
export type PlainSchema = Schema.Schema.AnyNoContext | undefined

/**
 * The option that cancels a call.
 *
 * @since 0.1.0
 * @category models
 */
export interface SignalOptions {
  /** Cancels the request and closes its connection. The Promise is rejected with the reason of the signal. */
  readonly signal?: AbortSignal | undefined
}

/**
 * The result of a call: the response, the decoded body, or both. The body of the response is read already.
 *
 * @since 0.1.0
 * @category models
 */
export type Result<S, W> = S extends Schema.Schema.Any
  ? W extends true
    ? readonly [body: Schema.Schema.Type<S>, response: Response]
    : Schema.Schema.Type<S>
  : Response

/**
 * Sends a request without a body: `get`, `head` and `options`. See `Verb.Verb`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Verb {
  /**
   * @param url - a path below the base URL, or an absolute URL of one of the client's origins. May contain `{name}`.
   * @param options - see `Call.Options`, `Call.PathOptions`, `Call.ResponseOptions` and {@link SignalOptions}.
   */
  <
    const Url extends string,
    S extends PlainSchema = undefined,
    ES extends PlainSchema = undefined,
    const W extends boolean = false
  >(
    url: Url | URL,
    options: Call.ResponseOptions<S, ES, W, unknown> & Call.PathOptions<Url> & SignalOptions
  ): Promise<Result<S, W>>
  /**
   * @param url - a path below the base URL, or an absolute URL of one of the client's origins.
   */
  <const Url extends string>(url: Call.CompleteUrl<Url> | URL): Promise<Response>
}

/**
 * Sends a request that may have a body: `post`, `put`, `patch` and `delete`. See `Verb.BodyVerb`.
 *
 * @since 0.1.0
 * @category models
 */
export interface BodyVerb {
  /**
   * @param url - a path below the base URL, or an absolute URL of one of the client's origins. May contain `{name}`.
   * @param options - those of a {@link Verb}, and `Call.BodyOptions`.
   */
  <
    const Url extends string,
    S extends PlainSchema = undefined,
    ES extends PlainSchema = undefined,
    JS extends PlainSchema = undefined,
    const W extends boolean = false
  >(
    url: Url | URL,
    options: Call.ResponseOptions<S, ES, W, unknown> & Call.BodyOptions<JS> & Call.PathOptions<Url> & SignalOptions
  ): Promise<Result<S, W>>
  /**
   * @param url - a path below the base URL, or an absolute URL of one of the client's origins.
   */
  <const Url extends string>(url: Call.CompleteUrl<Url> | URL): Promise<Response>
}

/**
 * Sends a request with any method, such as `PROPFIND`. See `Verb.AnyVerb`.
 *
 * @since 0.1.0
 * @category models
 */
export interface AnyVerb {
  /**
   * @param method - the method, an HTTP token in capitals. `CONNECT` and `TRACE` are rejected.
   * @param url - a path below the base URL, or an absolute URL of one of the client's origins. May contain `{name}`.
   * @param options - those of a {@link BodyVerb}.
   */
  <
    const Url extends string,
    S extends PlainSchema = undefined,
    ES extends PlainSchema = undefined,
    JS extends PlainSchema = undefined,
    const W extends boolean = false
  >(
    method: string,
    url: Url | URL,
    options: Call.ResponseOptions<S, ES, W, unknown> & Call.BodyOptions<JS> & Call.PathOptions<Url> & SignalOptions
  ): Promise<Result<S, W>>
  /**
   * @param method - the method, an HTTP token in capitals. `CONNECT` and `TRACE` are rejected.
   * @param url - a path below the base URL, or an absolute URL of one of the client's origins.
   */
  <const Url extends string>(method: string, url: Call.CompleteUrl<Url> | URL): Promise<Response>
}

/**
 * Opens a response: returns when the header of the response has arrived. See `Verb.OpenVerb`.
 *
 * @since 0.1.0
 * @category models
 */
export interface OpenVerb {
  /**
   * Sends the request, GET by default. The body of the `Response` is a stream. It fails with the error of the client, and with
   * the reason of the signal. Read it to its end, or cancel it. Otherwise it is released when it is garbage-collected.
   *
   * @param url - a path below the base URL, or an absolute URL of one of the client's origins. May contain `{name}`.
   * @param options - see `Call.OpenOptions`, `Call.PathOptions`, `Call.BodyOptions` and {@link SignalOptions}.
   */
  <const Url extends string, ES extends PlainSchema = undefined, JS extends PlainSchema = undefined>(
    url: Url | URL,
    options: Call.OpenOptions<ES, unknown> & Call.BodyOptions<JS> & Call.PathOptions<Url> & SignalOptions
  ): Promise<Response>
  /**
   * @param url - a path below the base URL, or an absolute URL of one of the client's origins.
   */
  <const Url extends string>(url: Call.CompleteUrl<Url> | URL): Promise<Response>
}
