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
import * as Challenge from "@countersign/protocol/Challenge"
import * as HttpDate from "@countersign/protocol/HttpDate"
import * as Redact from "@countersign/protocol/Redact"
import * as RetryAfter from "@countersign/protocol/RetryAfter"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import * as oauth from "oauth4webapi"

/** A token is a few kilobytes; metadata may be more. */
const largestAnswer = 256 * 1024

/** What `oauth4webapi` calls to send a request. */
export type Fetch = (url: string, options: FetchOptions) => Promise<Response>

type Secrets = ReadonlyArray<Redacted.Redacted<string>>

/**
 * Runs a request and its reading, both of `oauth4webapi`, and says in our terms what came of them. Text of the server
 * that repeats one of the `secrets` is not shown.
 */
export interface Exchange {
  <A>(run: (fetch: Fetch) => Promise<A>, secrets: Secrets): Effect.Effect<A, TokenError>
  /** How far the server's clock is ahead of ours, in milliseconds, by its last answer that told the time. */
  readonly ahead: () => number
}

interface FetchOptions {
  readonly method: string
  readonly headers: Record<string, string>
  readonly body?: URLSearchParams | string | null | undefined
}

/** What came back, as far as an error can tell of it. */
interface Answer {
  readonly status: number
  readonly text: string
  readonly challenge: string | undefined
  /** When the server wants to be asked again, in epoch milliseconds of our clock. */
  readonly retryAt: number | undefined
  /** How far its clock is ahead of ours, in milliseconds. */
  readonly ahead: number | undefined
}

/** Makes the way to an authorization server over a transport: bounded, without redirects, without retries. */
export const make = (transport: HttpClient.HttpClient): Exchange => {
  const client = Transport.typed(transport).pipe(
    Transport.buffered(largestAnswer, () => true),
    Timeout.call("20 seconds")
  )
  let ahead = 0
  const exchange = <A>(run: (fetch: Fetch) => Promise<A>, secrets: Secrets): Effect.Effect<A, TokenError> =>
    // The library knows promises only; what it sends runs with the clock, and under the interruption, of its caller.
    Effect.flatMap(Effect.runtime(), (runtime) => {
      let outcome: Outcome
      let sent: ReadonlyArray<string> = []
      const send = (url: string, options: FetchOptions) =>
        Effect.map(Effect.either(Effect.flatMap(client.execute(requestOf(url, options)), answerOf)), (result) => {
          outcome = Either.map(result, ({ answer }) => answer)
          if (Either.isRight(result)) ahead = result.right.answer.ahead ?? ahead
          return result
        })
      return Effect.tryPromise({
        try: (signal) =>
          run(async (url, options) => {
            sent = secretTexts(options, secrets)
            const result = await Runtime.runPromise(runtime)(send(url, options), { signal })
            if (Either.isLeft(result)) throw new Error("the exchange failed")
            return result.right.response
          }),
        catch: (cause) => failureOf(outcome, cause, sent)
      })
    })
  return Object.assign(exchange, { ahead: () => ahead })
}

/** The secrets as they are written in a request: a server that quotes it quotes them like that. */
const secretTexts = ({ headers }: FetchOptions, secrets: Secrets): ReadonlyArray<string> => {
  const texts = secrets
    .map(Redacted.value)
    .flatMap((secret) => [secret, new URLSearchParams({ "": secret }).toString().slice(1)])
  const [, basic = ""] = headers["authorization"]?.split(" ", 2) ?? []
  const decoded = Either.getOrElse(Encoding.decodeBase64String(basic), () => "")
  return [...texts, basic, decoded.slice(decoded.indexOf(":") + 1)].filter((text) => text !== "")
}

const requestOf = (url: string, { body, headers, method }: FetchOptions): HttpClientRequest.HttpClientRequest => {
  // The library sends GET and POST.
  const request = HttpClientRequest.make(method as HttpMethod)(url)
  const { "content-type": type = "application/x-www-form-urlencoded", ...rest } = headers
  const sent = body === undefined || body === null ? HttpBody.empty : HttpBody.text(body.toString(), type)
  return request.pipe(HttpClientRequest.setBody(sent), HttpClientRequest.setHeaders(rest))
}

/** No server is worth waiting for longer on its word alone. */
const longestWaitMs = 3600_000

const whenOf = (headers: Headers, now: number): Pick<Answer, "ahead" | "retryAt"> => {
  const date = HttpDate.parse(headers["date"] ?? "")
  const delayMs = RetryAfter.parse(headers, now)?.delayMs
  return {
    ahead: date === undefined ? undefined : date - now,
    retryAt: delayMs === undefined ? undefined : now + Math.min(delayMs, longestWaitMs)
  }
}

const answerOf = (
  response: HttpClientResponse
): Effect.Effect<{ readonly answer: Answer; readonly response: Response }> =>
  Effect.zipWith(
    // The body was read with the exchange; reading it again cannot fail.
    Effect.orElseSucceed(response.text, () => ""),
    Clock.currentTimeMillis,
    (text, now) => {
      const { headers, status } = response
      return {
        answer: { status, text, challenge: headers["www-authenticate"], ...whenOf(headers, now) },
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
type Outcome = Either.Either<Answer, SendError> | undefined

const OAuthError = Schema.parseJson(
  Schema.Struct({ error: Schema.NonEmptyString, error_description: Schema.optional(Schema.String) })
)
const decodeError = Schema.decodeUnknownOption(OAuthError)

const isTransient = (status: number): boolean => status >= 500 || status === 429 || status === 408

const unavailable = (detail: string, more: Pick<TokenError, "retryAt" | "sent"> = {}) =>
  new TokenError({ reason: "Unavailable", detail, ...more })

/** Text of the server for an error; nothing of one that repeats what nobody else is to know. */
const shown = (text: string, limit: number, secrets: ReadonlyArray<string>): string | undefined =>
  secrets.some((secret) => text.includes(secret)) ? undefined : Redact.text(text, limit)

/** Only an OAuth error is an answer to us: anything else comes from something in between, and may be gone soon. */
const refused = (answer: Answer, secrets: ReadonlyArray<string>): TokenError => {
  const parsed = decodeError(answer.text)
  if (isTransient(answer.status)) {
    return unavailable(`the authorization server answered ${answer.status}: try again later`, {
      retryAt: answer.retryAt
    })
  }
  if (Option.isSome(parsed)) {
    const { error, error_description: description = "" } = parsed.value
    if (error === "temporarily_unavailable" || error === "server_error") {
      return unavailable(`the authorization server answered ${error}: try again later`)
    }
    const code = shown(error, 60, secrets)
    const told = shown(description, 200, secrets) ?? ""
    const detail = `the authorization server refused with ${code ?? "an error"}${told === "" ? "" : ` ("${told}")`}`
    return new TokenError({ reason: "Refused", error: code, detail })
  }
  // A wrong secret may be told by the header alone (RFC 6749 §5.2).
  const challenged = answer.status === 401 && Challenge.parse(answer.challenge ?? "").length > 0
  return challenged
    ? new TokenError({
        reason: "Refused",
        error: "invalid_client",
        detail: "the authorization server does not know this client: check its id, its secret and how it is sent"
      })
    : unavailable(
        `the authorization server answered ${answer.status}, and not as one: something in between may be in the way`
      )
}

/** A request that did not leave was not carried out, and one whose answer is too long was answered; else nobody knows. */
const sentOf = (error: SendError): TokenError["sent"] => {
  if (error._tag === "BodyTooLarge") return undefined
  return error._tag === "InvalidRequest" || (error._tag === "TransportError" && error.sent === "no") ? "no" : "maybe"
}

const unheard = (error: SendError): TokenError =>
  unavailable(
    error._tag === "RedirectRejected"
      ? `the authorization server answered with a redirect, which is not followed`
      : `the authorization server was not reached: ${error.message}`,
    { sent: sentOf(error) }
  )

const failureOf = (outcome: Outcome, cause: unknown, secrets: ReadonlyArray<string>): TokenError => {
  if (outcome === undefined) {
    return new TokenError({ reason: "Refused", detail: `the request could not be made (${nameOf(cause)})` })
  }
  if (Either.isLeft(outcome)) return unheard(outcome.left)
  const answer = outcome.right
  // Some servers (GitHub's for one) tell of an error with status 200. What was made at the server is told with 201.
  if ((answer.status !== 200 && answer.status !== 201) || Option.isSome(decodeError(answer.text)))
    return refused(answer, secrets)
  // HTML with status 200 is a login page or a captive portal; JSON that is no token is the server's own doing.
  return answer.text.trimStart().startsWith("{")
    ? new TokenError({ reason: "InvalidResponse", detail: `the answer is none that OAuth knows (${nameOf(cause)})` })
    : unavailable(
        "the authorization server answered with something other than JSON: something in between may be in the way"
      )
}

/** The library's own code for what it did not like. Its messages and causes hold the answer, so they stay here. */
const nameOf = (cause: unknown): string => {
  if (cause instanceof oauth.OperationProcessingError || cause instanceof oauth.UnsupportedOperationError) {
    return cause.code ?? cause.name
  }
  return cause instanceof Error ? cause.name : "unknown"
}
