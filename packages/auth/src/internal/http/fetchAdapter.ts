/** The `HttpClient` service as the `fetch` that `oauth4webapi` wants, and the meaning of what went wrong in between. */
import * as HttpBody from "@effect/platform/HttpBody"
import type * as HttpClient from "@effect/platform/HttpClient"
import type { HttpMethod } from "@effect/platform/HttpMethod"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { Headers } from "@effect/platform/Headers"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type { SendError } from "@countersign/client/Errors"
import { TokenError } from "@countersign/client/Errors"
import * as Timeout from "@countersign/client/Timeout"
import * as Transport from "@countersign/client/Transport"
import * as HttpDate from "@countersign/protocol/HttpDate"
import * as RetryAfter from "@countersign/protocol/RetryAfter"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import * as oauth from "oauth4webapi"
import * as SentSecrets from "../response/echoedSecrets.js"
import * as ErrorResponse from "../response/errorResponse.js"
import type { Received } from "../response/receivedResponse.js"
import { isSuccess } from "../response/receivedResponse.js"
import * as ResponseBody from "../response/responseBody.js"
import * as Form from "./formEncoding.js"

/** A token is a few kilobytes; metadata may be more. */
const largestAnswer = 256 * 1024

/** What `oauth4webapi` calls to send a request. */
export type Fetch = (url: string, options: FetchOptions) => Promise<Response>

type Secrets = ReadonlyArray<Redacted.Redacted<string>>

/**
 * Runs a request and its reading, both of `oauth4webapi`. Text of the server that repeats a secret of the request, or one of
 * the `secrets`, is not shown.
 */
export interface Exchange {
  <A>(run: (fetch: Fetch) => Promise<A>, secrets: Secrets): Effect.Effect<A, TokenError>
  /** Runs a request only, and gives its response; once more if `again` says so of that. */
  readonly received: (
    run: (fetch: Fetch) => Promise<unknown>,
    secrets: Secrets,
    again: (received: Received) => boolean
  ) => Effect.Effect<Received, TokenError>
  /** How far the server's clock is ahead of ours, in milliseconds, by its last answer that told the time. */
  readonly ahead: () => number
}

interface FetchOptions {
  readonly method: string
  readonly headers: Record<string, string>
  readonly body?: URLSearchParams | string | null | undefined
}

/** Runs a request, and may look at the last response. */
type Run<A> = (fetch: Fetch, last: () => Received | undefined) => Promise<A>

/** Makes the way to an authorization server over a transport: bounded, without redirects, without retries. */
export const make = (transport: HttpClient.HttpClient): Exchange => {
  const client = Transport.fromHttpClient(transport).pipe(
    Transport.bufferBodies(largestAnswer, () => true),
    Timeout.call("20 seconds")
  )
  let ahead = 0
  const send = (url: string, options: FetchOptions, secrets: Secrets) =>
    client.execute(requestOf(url, options)).pipe(
      Effect.flatMap((response) => receivedOf(url, response, SentSecrets.of(options, secrets))),
      Effect.tap(({ received }) => Effect.sync(() => (ahead = received.ahead ?? ahead))),
      Effect.either
    )
  const exchange = <A>(run: Run<A>, secrets: Secrets): Effect.Effect<A, TokenError> =>
    running(run, (url, options) => send(url, options, secrets))
  const received: Exchange["received"] = (run, secrets, again) =>
    exchange(async (fetch, last) => {
      await run(fetch)
      const first = last()
      if (first !== undefined && again(first)) await run(fetch)
      const final = last()
      if (final === undefined) throw new Error("no request was made")
      return final
    }, secrets)
  return Object.assign(exchange, { received, ahead: () => ahead })
}

/** The library knows promises only; what it sends runs with the clock, and under the interruption, of its caller. */
const running = <A>(
  run: Run<A>,
  send: (url: string, options: FetchOptions) => Effect.Effect<Either.Either<Read, SendError>>
): Effect.Effect<A, TokenError> =>
  Effect.flatMap(Effect.runtime(), (runtime) => {
    let outcome: Outcome
    return Effect.tryPromise({
      try: (signal) =>
        run(
          async (url, options) => {
            outcome = await Runtime.runPromise(runtime)(send(url, options), { signal })
            if (Either.isLeft(outcome)) throw new Error("the request failed")
            return outcome.right.response
          },
          () => (outcome !== undefined && Either.isRight(outcome) ? outcome.right.received : undefined)
        ),
      catch: (cause) => failureOf(outcome, cause)
    })
  })

const textOf = (body: URLSearchParams | string): string => (typeof body === "string" ? body : Form.encode(body))

const requestOf = (url: string, { body, headers, method }: FetchOptions): HttpClientRequest.HttpClientRequest => {
  // The library sends GET and POST.
  const request = HttpClientRequest.make(method as HttpMethod)(url)
  const { "content-type": type = "application/x-www-form-urlencoded", ...rest } = headers
  const sent = body === undefined || body === null ? HttpBody.empty : HttpBody.text(textOf(body), type)
  return request.pipe(HttpClientRequest.setBody(sent), HttpClientRequest.setHeaders(rest))
}

/** No server is worth waiting for longer on its word alone. */
const longestWaitMs = 3600_000

const whenOf = (headers: Headers, now: number): Pick<Received, "ahead" | "retryAt"> => {
  const date = HttpDate.parse(headers["date"] ?? "")
  const delayMs = RetryAfter.parse(headers, now)?.delayMs
  return {
    ahead: date === undefined ? undefined : date - now,
    retryAt: delayMs === undefined ? undefined : now + Math.min(delayMs, longestWaitMs)
  }
}

/** A response, for its readers here and for the library. */
interface Read {
  readonly received: Received
  readonly response: Response
}

const receivedOf = (url: string, response: HttpClientResponse, secrets: SentSecrets.SentSecrets): Effect.Effect<Read> =>
  Effect.zipWith(
    // The body was read with the exchange; reading it again cannot fail.
    Effect.orElseSucceed(response.text, () => ""),
    Clock.currentTimeMillis,
    (text, now) => {
      const { headers, status } = response
      const { "content-type": contentType, location, "www-authenticate": challenge } = headers
      return {
        received: { url, status, text, contentType, challenge, location, ...whenOf(headers, now), secrets },
        response: responseOf(status, headers, text)
      }
    }
  )

/** Visible characters of ASCII and the space: what any field can carry. */
export const isPrintable = (text: string): boolean =>
  [...text].every((character) => character >= " " && character <= "~")

/**
 * What the library reads of an answer: its type, its body, and whether its status is the one it wants. `Response` knows
 * fewer statuses, and fewer characters in a field, than there are on the wire, and throws at the others.
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

/** What became of the exchange; undefined while there was none. */
type Outcome = Either.Either<Read, SendError> | undefined

const unreached = (error: SendError): TokenError =>
  new TokenError({
    reason: "Unavailable",
    detail:
      error._tag === "RedirectRejected"
        ? "the authorization server answered with a redirect, which is not followed"
        : `the authorization server was not reached: ${error.message}`,
    sent: sentOf(error)
  })

/** A request that did not leave was not carried out, and one whose answer is too long was answered; else nobody knows. */
const sentOf = (error: SendError): TokenError["sent"] => {
  if (error._tag === "BodyTooLarge") return undefined
  return error._tag === "InvalidRequest" || (error._tag === "TransportError" && error.sent === "no") ? "no" : "maybe"
}

/** Why the library's reading failed, or the request before it. */
const failureOf = (outcome: Outcome, cause: unknown): TokenError => {
  if (outcome === undefined) {
    return new TokenError({ reason: "Rejected", detail: `the request could not be made (${nameOf(cause)})` })
  }
  if (Either.isLeft(outcome)) return unreached(outcome.left)
  const { received } = outcome.right
  const body = ResponseBody.parse(received.text)
  const bodies = body === undefined ? [] : [body]
  if (!isSuccess(received)) return ErrorResponse.of(received, bodies, undefined)
  if (body === undefined) return ErrorResponse.unreadable(received)
  return (
    ErrorResponse.within(received, bodies, undefined) ??
    new TokenError({ reason: "InvalidResponse", detail: `the response is not one of OAuth (${nameOf(cause)})` })
  )
}

/** The library's own code for what it did not like. Its messages and causes hold the response, so they stay here. */
const nameOf = (cause: unknown): string => {
  if (cause instanceof oauth.OperationProcessingError || cause instanceof oauth.UnsupportedOperationError) {
    return cause.code ?? cause.name
  }
  return cause instanceof Error ? cause.name : "unknown"
}
