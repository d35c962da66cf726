/**
 * Long-running operations: a request that starts work at the server, and requests for its status until it is done.
 *
 * The status URL is read from `Operation-Location`, `Azure-AsyncOperation`, or from `Location` of a 202. Each request is a call
 * of the client.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-15.3.3
 * @since 0.1.0
 */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type { ApiClient } from "./ApiClient.js"
import type * as Call from "./Call.js"
import type { InvalidRequest, InvalidResponse } from "./Errors.js"
import type { OperationError } from "./internal/operation/operationError.js"
import type * as OperationErrors from "./internal/operation/operationError.js"
import * as States from "./internal/operation/operationState.js"
import * as Waiting from "./internal/operation/waiting.js"

/**
 * Where an operation is: plain JSON, to store it and continue later, or in another process, with {@link wait}.
 *
 * A server may write secrets into the URLs.
 *
 * @since 0.1.0
 * @category models
 */
export type Position = States.Position

/**
 * Schema of a {@link Position}, for one that was stored.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Position: Schema.Schema<Position> = States.Position

/**
 * What a response says about the operation.
 *
 * @since 0.1.0
 * @category models
 */
export type State = States.State

/**
 * The status of an operation, as a response gave it.
 *
 * @since 0.1.0
 * @category models
 */
export type Status = Waiting.Status

/**
 * Why an operation has no result.
 *
 * - `Failed`, `Canceled`: the server says so.
 * - `TooLong`: it is not done within `maxWait`. It continues at the server.
 * - `NoStatusUrl`: the server answered 202, and named no http or https URL to read the status from.
 *
 * @since 0.1.0
 * @category errors
 */
export type OperationReason = OperationErrors.OperationReason

export { OperationError } from "./internal/operation/operationError.js"

/**
 * Default values of {@link WaitOptions}.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults: typeof Waiting.defaults = Waiting.defaults

/**
 * Options of a wait for an operation. Those of a call apply to each request: `timeout` bounds one request, and `maxWait` all of them.
 *
 * @since 0.1.0
 * @category models
 */
export interface WaitOptions<S extends Call.AnySchema, E = never> extends Omit<Call.Options<E>, "query"> {
  /** Schema that decodes the JSON body of the result. Without it the result is the last response. */
  readonly schema?: S
  /** Time between two requests, if the server sends no `Retry-After` (5 s). At least a second passes in any case. */
  readonly interval?: Duration.DurationInput | undefined
  /** Longest time until the operation is done (30 min). A longer `Retry-After` fails at once. */
  readonly maxWait?: Duration.DurationInput | undefined
  /** Reads the state from a response about the status ({@link stateOf}). */
  readonly state?: ((body: unknown, response: HttpClientResponse) => State) | undefined
  /**
   * URL of the result, from the last response about the status. A relative one is relative to that response. By default it is `resourceLocation` of its body, then `Location`
   * of the first response, then the URL of a PUT or PATCH. Otherwise that last response is the result.
   */
  readonly result?: ((body: unknown) => string | undefined) | undefined
  /** Called after each response: to store the position, or to show progress. */
  readonly onStatus?: ((status: Status) => Effect.Effect<void>) | undefined
}

/**
 * Options of {@link run}: those of {@link wait}, and the request that starts the operation.
 *
 * @since 0.1.0
 * @category models
 */
export interface RunOptions<S extends Call.AnySchema, E = never> extends WaitOptions<S, E> {
  /** Method of the request that starts the operation (POST). */
  readonly method?: "POST" | "PUT" | "PATCH" | "DELETE" | undefined
  /** Query parameters of the request that starts the operation. */
  readonly query?: Call.Options["query"]
}

/**
 * The result of an operation: the decoded body, or the response.
 *
 * @since 0.1.0
 * @category models
 */
export type Result<S> = Call.Result<S, false>

/**
 * Reads the state from a response: the default of the option `state`.
 *
 * | response | state |
 * |---|---|
 * | JSON with `status` as a word such as Running, NotStarted, InProgress, Pending, Queued | running |
 * | JSON with `status` Succeeded, Completed or Done | succeeded |
 * | JSON with `status` Failed or Error | failed |
 * | JSON with `status` Canceled or Aborted | canceled |
 * | JSON with `done: false` | running |
 * | JSON with `done: true` | failed with a member `error`, otherwise succeeded |
 * | any other 202 | running |
 * | any other | succeeded |
 *
 * Letter case, blanks and signs in a word do not matter.
 *
 * @param body - the body, parsed as JSON. Undefined if it is not JSON.
 * @param response - the response.
 * @since 0.1.0
 * @category decoding
 */
export const stateOf: (body: unknown, response: HttpClientResponse) => State = States.stateOf

/**
 * Starts an operation, and waits until it is done.
 *
 * A response without a status URL is the result. The first request is not repeated unless it is idempotent, as in any call.
 * When the effect is interrupted, the operation continues at the server.
 *
 * Fails with {@link OperationError}, and as a call of the client fails. A status URL outside the base URL and the `origins` of
 * the client fails with `InvalidRequest`, and nothing is sent to it.
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as Operation from "@countersign/client/Operation"
 * import * as Console from "effect/Console"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * class Reports extends ApiClient.Tag("app/Reports")<Reports>() {}
 *
 * const Report = Schema.Struct({ url: Schema.String })
 *
 * const report = Effect.flatMap(Reports, (api) =>
 *   Operation.run(api, "/reports", {
 *     json: { year: 2026 },
 *     schema: Report,
 *     maxWait: "10 minutes",
 *     onStatus: ({ state }) => Console.log(state)
 *   })
 * )
 *
 * @param api - the client.
 * @param url - a path below the base URL, or an absolute URL of one of the client's origins. May contain `{name}`.
 * @param options - see {@link RunOptions}, {@link Call.BodyOptions} and {@link Call.PathOptions}.
 * @since 0.1.0
 * @category constructors
 */
export const run = <
  E,
  const Url extends string,
  S extends Call.AnySchema = undefined,
  JS extends Call.AnySchema = undefined,
  E1 = never
>(
  api: ApiClient<E>,
  url: Url | URL,
  options: RunOptions<S, E1> & Call.BodyOptions<JS> & Call.PathOptions<Url>
): Effect.Effect<
  Result<S>,
  E | E1 | InvalidRequest | InvalidResponse | OperationError,
  Call.SchemaContext<S> | Call.SchemaContext<JS>
> =>
  // The implementation does not know the types of the schemas. The signature declares them.
  Waiting.run(api, url, options) as Effect.Effect<
    Result<S>,
    E | E1 | InvalidRequest | InvalidResponse | OperationError,
    Call.SchemaContext<S> | Call.SchemaContext<JS>
  >

/**
 * Waits for an operation that was started before, until it is done.
 *
 * Fails as {@link run}.
 *
 * @param api - the client.
 * @param position - where the operation is: of `onStatus`, or of an {@link OperationError}.
 * @param options - see {@link WaitOptions}.
 * @since 0.1.0
 * @category constructors
 */
export const wait = <E, S extends Call.AnySchema = undefined, E1 = never>(
  api: ApiClient<E>,
  position: Position,
  options: WaitOptions<S, E1>
): Effect.Effect<Result<S>, E | E1 | InvalidRequest | InvalidResponse | OperationError, Call.SchemaContext<S>> =>
  // The implementation does not know the type of the schema. The signature declares it.
  Waiting.wait(api, position, options) as Effect.Effect<
    Result<S>,
    E | E1 | InvalidRequest | InvalidResponse | OperationError,
    Call.SchemaContext<S>
  >
