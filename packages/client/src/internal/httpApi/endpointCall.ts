/** One call of an endpoint: the state that it collects, and the error that it fails with. */
import type * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import { ClientError, Forbidden, InvalidResponse, RateLimited, Unauthorized, Unavailable } from "../../Errors.js"
import * as SchemaIssue from "../../SchemaIssue.js"
import { fromExecute } from "../call/pipeline.js"
import type { ApiClient } from "../client/apiClient.js"
import { responseOfError, withResponse } from "../errors/errorResponse.js"
import { makeResponseRedactor } from "../response/redactEchoedCredentials.js"
import type { StatusError } from "../response/statusError.js"
import { exchangeInfoOf } from "../response/statusError.js"
import { isPlatformError } from "../runtime/transportFailure.js"
import type { Endpoint } from "./endpoint.js"
import { invalidRequest } from "./endpoint.js"

/** What one call knows about its endpoint and its response. */
interface CallState {
  readonly endpoint: Endpoint
  /** The path with encoded parameters. Undefined if the endpoint has none. */
  readonly url: string | undefined
  response: HttpClientResponse | undefined
  /** The error of the client. Of an error status too, because the endpoint may not declare it. */
  failure: unknown
}

/**
 * The state of the current call. The platform's decode errors contain no response, and its `transformResponse` receives none
 * either. So each call has a service of its own, which the platform passes on to {@link transportOf}.
 */
export class CurrentCall extends Context.Tag("@countersign/client/HttpApiClient/CurrentCall")<
  CurrentCall,
  CallState
>() {}

/** Errors of a status. Other errors with a response are about a redirect, or about the server of the scheme. */
const isStatusError = (error: unknown): error is StatusError =>
  error instanceof ClientError ||
  error instanceof Unavailable ||
  error instanceof Unauthorized ||
  error instanceof Forbidden ||
  error instanceof RateLimited

const send = (
  client: ApiClient<unknown>,
  request: HttpClientRequest,
  state: CallState
): Effect.Effect<HttpClientResponse, unknown> =>
  client
    .request(request.method, state.url ?? request.url, {
      headers: request.headers,
      query: request.urlParams,
      ...(request.body._tag !== "Empty" && { body: request.body })
    })
    .pipe(
      Effect.catchAll((error) => {
        state.failure = error
        const response = isStatusError(error) ? responseOfError.get(error) : undefined
        return response === undefined ? Effect.fail(error) : Effect.succeed(response)
      }),
      Effect.tap((response) => {
        state.response = response
      })
    )

/**
 * A client as the transport of the platform's `HttpApiClient`. It reads bodies whole, as the verbs do. An error status is a
 * response, which the platform decodes if the endpoint declares it.
 */
export const transportOf = (client: ApiClient<unknown>): HttpClient.HttpClient.With<unknown, CurrentCall> =>
  fromExecute((request) => Effect.flatMap(CurrentCall, (state) => send(client, request, state)))

const isJson = (response: HttpClientResponse): Effect.Effect<boolean> => Effect.isSuccess(response.json)

/** The error of a good response that the endpoint does not declare. */
const invalidResponse = (
  { endpoint }: CallState,
  response: HttpClientResponse,
  error: unknown
): Effect.Effect<never, InvalidResponse> => {
  const fail = (reason: "Json" | "Schema", mismatches: ReadonlyArray<SchemaIssue.SchemaIssue>) =>
    Effect.fail(withResponse(new InvalidResponse({ ...exchangeInfoOf(response), reason, mismatches }), response))
  if (!ParseResult.isParseError(error)) {
    return fail("Schema", [{ path: "$", expected: `a response with a declared status (${endpoint.statuses})` }])
  }
  return Effect.flatMap(isJson(response), (isValid) =>
    endpoint.isJson(response.status) && !isValid
      ? fail("Json", [])
      : fail("Schema", SchemaIssue.fromParseError(error, makeResponseRedactor(response)))
  )
}

/** Replaces errors of the platform by those of this package. The declared errors of the endpoint stay as they are. */
const toCallError = (error: unknown, state: CallState): Effect.Effect<never, unknown> => {
  const { endpoint, failure, response } = state
  // The scheme of the client may fail with any error, and an error of the platform is one of them.
  if (error === failure || !(ParseResult.isParseError(error) || isPlatformError(error))) return Effect.fail(error)
  if (response === undefined) return Effect.fail(invalidRequest(endpoint, error))
  return failure === undefined ? invalidResponse(state, response, error) : Effect.fail(failure)
}

const tooDeep = (response: HttpClientResponse): InvalidResponse =>
  withResponse(
    new InvalidResponse({
      ...exchangeInfoOf(response),
      reason: "Schema",
      mismatches: [{ path: "$", expected: "a value that is less deeply nested" }]
    }),
    response
  )

/** Runs a call of the platform's client with a state of its own. */
export const runCall = <R>(
  call: Effect.Effect<unknown, unknown, R | CurrentCall>,
  endpoint: Endpoint,
  url: string | undefined
): Effect.Effect<unknown, unknown, Exclude<R, CurrentCall>> =>
  Effect.suspend(() => {
    const state: CallState = { endpoint, url, response: undefined, failure: undefined }
    return Effect.provideService(call, CurrentCall, state).pipe(
      Effect.catchAll((error) => toCallError(error, state)),
      // A recursive schema follows the nesting of the response until the stack overflows.
      Effect.catchSomeDefect((defect) =>
        defect instanceof RangeError && state.response !== undefined
          ? Option.some(Effect.fail(state.failure ?? tooDeep(state.response)))
          : Option.none()
      )
    )
  })
