/** Adapts the `HttpClient` service to the `fetch` that `oauth4webapi` calls, and maps its errors. */
import * as HttpBody from "@effect/platform/HttpBody"
import type * as HttpClient from "@effect/platform/HttpClient"
import type { HttpMethod } from "@effect/platform/HttpMethod"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { Headers } from "@effect/platform/Headers"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type { SendError } from "@countersign/client/Errors"
import { TokenError } from "../../Errors.js"
import * as Timeout from "@countersign/client/Timeout"
import * as Transport from "@countersign/client/Transport"
import * as HttpDate from "@countersign/protocol/HttpDate"
import * as RetryAfter from "@countersign/protocol/RetryAfter"
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import type * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import * as oauth from "oauth4webapi"
import * as SentSecrets from "../response/echoedSecrets.js"
import * as ErrorResponse from "../response/errorResponse.js"
import type { ServerResponse } from "../response/receivedResponse.js"
import { isSuccess } from "../response/receivedResponse.js"
import * as ResponseBody from "../response/responseBody.js"
import * as Form from "./formEncoding.js"

/** Maximum size of a response in bytes. A token response has a few kilobytes. Metadata may have more. */
const maxResponseBytes = 256 * 1024

/** What `oauth4webapi` calls to send a request. */
export type Fetch = (url: string, options: FetchOptions) => Promise<Response>

type Secrets = ReadonlyArray<Redacted.Redacted<string>>

/**
 * Runs functions of `oauth4webapi` that send a request and read its response. Server text that repeats a secret of the
 * request, or one of the `secrets`, is not shown.
 */
export interface ServerRequest {
  <A>(run: (fetch: Fetch) => Promise<A>, secrets: Secrets): Effect.Effect<A, TokenError>
  /** Sends a request without reading its response. It is not sent if `before` fails. */
  readonly received: (
    run: (fetch: Fetch) => Promise<unknown>,
    secrets: Secrets,
    before?: Effect.Effect<void, TokenError>
  ) => Effect.Effect<ServerResponse, TokenError>
  /** How far the server's clock is ahead of ours, in milliseconds, by the last response with a `Date`. */
  readonly clockSkew: () => number
}

interface FetchOptions {
  readonly method: string
  readonly headers: Record<string, string>
  readonly body?: URLSearchParams | string | null | undefined
}

/** Runs a request, with access to the last response. */
type Run<A> = (fetch: Fetch, last: () => ServerResponse | undefined) => Promise<A>

/** Makes the exchange with an authorization server: bounded in time and size, without redirects and retries. */
export const make = (transport: HttpClient.HttpClient): ServerRequest => {
  const client = Transport.fromHttpClient(transport).pipe(
    Transport.bufferBodies(maxResponseBytes, () => true),
    Timeout.call("20 seconds")
  )
  let clockSkew = 0
  const send = (url: string, options: FetchOptions, secrets: Secrets) =>
    client.execute(requestOf(url, options)).pipe(
      Effect.flatMap((response) => receivedOf(url, response, SentSecrets.of(options, secrets))),
      Effect.tap(({ received }) => Effect.sync(() => (clockSkew = received.clockSkew ?? clockSkew))),
      Effect.either
    )
  const exchange = <A>(
    run: Run<A>,
    secrets: Secrets,
    before: Effect.Effect<void, TokenError> = Effect.void
  ): Effect.Effect<A, TokenError> =>
    runRequest(run, (url, options) =>
      Effect.flatMap(Effect.either(before), (permitted): Effect.Effect<Sent> =>
        Either.isLeft(permitted) ? Effect.succeed(Either.left(permitted.left)) : send(url, options, secrets)
      )
    )
  const received: ServerRequest["received"] = (run, secrets, before) =>
    exchange(
      async (fetch, last) => {
        await run(fetch)
        const response = last()
        if (response === undefined) throw new Error("no request was made")
        return response
      },
      secrets,
      before
    )
  return Object.assign(exchange, { received, clockSkew: () => clockSkew })
}

/**
 * The library uses promises. Its requests run with the clock of the caller, and are interrupted with it. A defect of the
 * transport stays a defect, because the library would replace it by an error of its own.
 */
const runRequest = <A>(
  run: Run<A>,
  send: (url: string, options: FetchOptions) => Effect.Effect<Sent>
): Effect.Effect<A, TokenError> =>
  Effect.flatMap(Effect.runtime(), (runtime) => {
    let outcome: Sent | undefined
    let defect: Cause.Cause<never> | undefined
    const result = Effect.tryPromise({
      try: (signal) =>
        run(
          async (url, options) => {
            const exit = await Runtime.runPromiseExit(runtime)(send(url, options), { signal })
            if (Exit.isFailure(exit)) {
              defect = exit.cause
              throw new Error("the transport failed with a defect")
            }
            outcome = exit.value
            if (Either.isLeft(outcome)) throw new Error("the request failed")
            return outcome.right.response
          },
          () => (outcome !== undefined && Either.isRight(outcome) ? outcome.right.received : undefined)
        ),
      catch: (cause) => failureOf(outcome, cause)
    })
    return Effect.catchAll(result, (error) => (defect === undefined ? Effect.fail(error) : Effect.failCause(defect)))
  })

const textOf = (body: URLSearchParams | string): string => (typeof body === "string" ? body : Form.encode(body))

const requestOf = (url: string, { body, headers, method }: FetchOptions): HttpClientRequest.HttpClientRequest => {
  // The library sends GET and POST.
  const request = HttpClientRequest.make(method as HttpMethod)(url)
  const { "content-type": type = "application/x-www-form-urlencoded", ...rest } = headers
  const sent = body === undefined || body === null ? HttpBody.empty : HttpBody.text(textOf(body), type)
  return request.pipe(HttpClientRequest.setBody(sent), HttpClientRequest.setHeaders(rest))
}

/** Upper bound of a `Retry-After`. */
const maxRetryAfterMs = 3600_000

/** When the server accepts the next request, in epoch milliseconds; undefined if it states no time. */
export const retryAtOf = (headers: Headers, now: number): number | undefined => {
  const delayMs = RetryAfter.parse(headers, now)?.delayMs
  return delayMs === undefined ? undefined : now + Math.min(delayMs, maxRetryAfterMs)
}

const readTimes = (headers: Headers, now: number): Pick<ServerResponse, "clockSkew" | "retryAt"> => {
  const date = HttpDate.parse(headers["date"] ?? "")
  return {
    clockSkew: date === undefined ? undefined : date - now,
    retryAt: retryAtOf(headers, now)
  }
}

/** A response in two forms: `received` for this package, `response` for the library. */
interface Read {
  readonly received: ServerResponse
  readonly response: Response
}

const receivedOf = (url: string, response: HttpClientResponse, secrets: SentSecrets.SentSecrets): Effect.Effect<Read> =>
  Effect.zipWith(
    // The body is buffered, so reading it cannot fail.
    Effect.orElseSucceed(response.text, () => ""),
    Clock.currentTimeMillis,
    (text, now) => {
      const { headers, status } = response
      const { "content-type": contentType, location, "www-authenticate": challenge } = headers
      return {
        received: { url, status, text, contentType, challenge, location, ...readTimes(headers, now), secrets },
        response: responseOf(status, headers, text)
      }
    }
  )

/** Whether a text has only visible ASCII characters and spaces, which every header field can carry. */
export const isPrintable = (text: string): boolean =>
  [...text].every((character) => character >= " " && character <= "~")

/**
 * The response for the library, which reads the content type, the nonce, the body, and compares the status. `Response`
 * throws for some statuses and header characters that servers do send, so those are replaced.
 */
const responseOf = (status: number, headers: Headers, text: string): Response => {
  const bodiless = status === 204 || status === 205 || status === 304
  const type = headers["content-type"] ?? ""
  const nonce = headers["dpop-nonce"] ?? ""
  return new Response(bodiless ? null : text, {
    status: status >= 200 && status <= 599 ? status : 599,
    headers: {
      "content-type": isPrintable(type) ? type : "application/octet-stream",
      ...(nonce !== "" && isPrintable(nonce) && { "dpop-nonce": nonce })
    }
  })
}

/** The result of a request. A `TokenError` is that of a request that was not sent. */
type Sent = Either.Either<Read, SendError | TokenError>

const unreachable = (error: SendError): TokenError =>
  new TokenError({
    reason: "Unavailable",
    detail:
      error._tag === "RedirectRejected"
        ? "the authorization server answered with a redirect, which is not followed"
        : `the authorization server was not reached: ${error.message}`,
    sent: deliveryOf(error)
  })

/** Whether the server may have processed the request. An unsent request was not processed. A long response shows it was. */
const deliveryOf = (error: SendError): TokenError["sent"] => {
  if (error._tag === "BodyTooLarge") return undefined
  return error._tag === "InvalidRequest" || (error._tag === "TransportError" && error.sent === "no") ? "no" : "maybe"
}

/** The error of a failed request, or of a response that the library rejected. */
const failureOf = (outcome: Sent | undefined, cause: unknown): TokenError => {
  if (outcome === undefined) {
    return new TokenError({
      reason: "Rejected",
      detail: `the request was not sent: the library rejected its parameters (${nameOf(cause)})`
    })
  }
  if (Either.isLeft(outcome)) return outcome.left._tag === "TokenError" ? outcome.left : unreachable(outcome.left)
  const { received } = outcome.right
  const body = ResponseBody.parse(received.text)
  const bodies = body === undefined ? [] : [body]
  if (!isSuccess(received)) return ErrorResponse.of(received, bodies, undefined)
  if (body === undefined) return ErrorResponse.unreadable(received)
  return (
    ErrorResponse.errorInSuccess(received, bodies, undefined) ??
    new TokenError({
      reason: "InvalidResponse",
      detail: `invalid response: it does not have the form that OAuth defines (${nameOf(cause)})`
    })
  )
}

/** The error code of the library. Its messages and causes hold the response, so they are not shown. */
const nameOf = (cause: unknown): string => {
  if (cause instanceof oauth.OperationProcessingError || cause instanceof oauth.UnsupportedOperationError) {
    return cause.code ?? cause.name
  }
  return cause instanceof Error ? cause.name : "unknown"
}
