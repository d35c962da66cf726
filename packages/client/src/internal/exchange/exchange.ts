/**
 * One exchange: the innermost step of the pipeline. A request is validated, sent and typed, and its body is read where
 * the client reads bodies. With a transport that sends by callback, all of this is one step of the fiber.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { TransportError } from "../../Errors.js"
import { BodyTooLarge, InvalidRequest } from "../../Errors.js"
import { clientOf } from "../call/pipeline.js"
import type { CallContext } from "../call/context.js"
import { runExternal } from "../call/externalCode.js"
import { waitFor } from "../call/wait.js"
import { redactedUrl } from "../redaction/requestHistory.js"
import { toTransportRequest } from "../request/transportRequest.js"
import { bufferedBodyOf } from "../response/bodyReader.js"
import { BufferedResponse, StreamingResponse } from "../response/clientResponse.js"
import * as body from "../response/readBody.js"
import type { ObservedRequest } from "../telemetry/requestEvents.js"
import { observeRequest } from "../telemetry/requestEvents.js"
import type { CallbackSend } from "./callbackSend.js"
import { callbackSendOf, isUntraced } from "./callbackSend.js"
import { withManualRedirects } from "./manualRedirects.js"
import type { SendFailure } from "./typedError.js"
import { transportError, typedError } from "./typedError.js"
import { sendWatched } from "./watchedBody.js"

type Transport<R> = HttpClient.HttpClient.With<HttpClientError.HttpClientError, R>

type Failure = SendFailure | BodyTooLarge

type Outcome<E, R = never> = Effect.Effect<HttpClientResponse, E, R>

const isExit = <E>(outcome: Outcome<E>): outcome is Exit.Exit<HttpClientResponse, E> => Exit.isExit(outcome)

/** A transport, and what of its responses is read. */
interface Exchanger<R> {
  readonly transport: Transport<R>
  readonly send: CallbackSend | undefined
  readonly reading: BodyReading | undefined
}

/** Makes a client of a transport. Without `reading`, bodies are streamed. */
export const makeExchange = <R>(
  transport: Transport<R>,
  reading?: BodyReading
): HttpClient.HttpClient.With<Failure, R> => {
  const send = callbackSendOf(transport)
  const exchanger: Exchanger<R> = { transport: prepare(transport, send), send, reading }
  return clientOf((request, context) => exchange(exchanger, request, context))
}

/** Disables the transport's own spans and redirects, which the pipeline handles. */
const prepare = <R>(transport: Transport<R>, send: CallbackSend | undefined): Transport<R> => {
  const untraced = isUntraced(transport) ? transport : HttpClient.withTracerDisabledWhen(transport, () => true)
  // The callback form has no fiber from which it could read the options of `fetch`.
  return send === undefined ? withManualRedirects(untraced) : untraced
}

const exchange = <R>(
  exchanger: Exchanger<R>,
  request: HttpClientRequest,
  context: CallContext
): Outcome<Failure, R> => {
  const sent = toTransportRequest(request)
  if (sent instanceof InvalidRequest) return Exit.fail(sent)
  const { send } = exchanger
  return send === undefined
    ? sendByEffect(exchanger, sent, context)
    : waitFor<HttpClientResponse, Failure, R>(
        { start: (resume) => sendByCallback(exchanger, send, sent, context, resume) },
        context
      )
}

/** Sends by callback. A request that needs an effect, such as one with a streamed body, is sent with one. */
const sendByCallback = <R>(
  exchanger: Exchanger<R>,
  send: CallbackSend,
  request: HttpClientRequest,
  context: CallContext,
  resume: (outcome: Outcome<Failure, R>) => void
): (() => void) | undefined => {
  let cancel: (() => void) | undefined
  let isEnded = false
  const observed = observeRequest(context, request)
  const onOutcome = (outcome: Outcome<HttpClientError.HttpClientError>) => {
    const typed = toTyped(exchanger.reading, request, context, observed, outcome)
    // A streaming response is cut if the fiber is interrupted before it has it. Otherwise nothing is left to cancel,
    // and the fiber must not keep the exchange in memory.
    isEnded = isExit(typed) && (Exit.isFailure(typed) || bufferedBodyOf(typed.value) !== undefined)
    if (isEnded) cancel = undefined
    resume(typed)
  }
  cancel = send(request, onOutcome, context.limits)
  if (isEnded) return undefined
  if (cancel !== undefined) return () => cancel?.()
  resume(runExternal(execute(exchanger, request, observed), context))
  return undefined
}

/** The rest of the time is for a body that is still to be read. */
const toTyped = (
  reading: BodyReading | undefined,
  request: HttpClientRequest,
  context: CallContext,
  observed: ObservedRequest | undefined,
  outcome: Outcome<HttpClientError.HttpClientError>
): Outcome<Failure> => {
  if (!isExit(outcome)) return runExternal(settle(reading, request, observed, outcome), context)
  if (Exit.isFailure(outcome)) return Exit.failCause(Cause.map(outcome.cause, (error) => onError(observed, error)))
  return runExternal(onResponse(reading, request, observed, outcome.value), context)
}

const sendByEffect = <R>(exchanger: Exchanger<R>, request: HttpClientRequest, context: CallContext) =>
  runExternal(
    Effect.suspend(() => execute(exchanger, request, observeRequest(context, request))),
    context
  )

/** A transport with the callback form describes each failure itself. */
const outcomeOf = <R>({ send, transport }: Exchanger<R>, request: HttpClientRequest) =>
  send === undefined ? sendWatched(transport, request) : transport.execute(request)

const execute = <R>(exchanger: Exchanger<R>, request: HttpClientRequest, observed: ObservedRequest | undefined) =>
  settle(exchanger.reading, request, observed, outcomeOf(exchanger, request))

const settle = <R>(
  reading: BodyReading | undefined,
  request: HttpClientRequest,
  observed: ObservedRequest | undefined,
  outcome: Outcome<HttpClientError.HttpClientError, R>
): Outcome<Failure, R> =>
  Effect.matchEffect(outcome, {
    onFailure: (error) => Effect.fail(onError(observed, error)),
    onSuccess: (response) => onResponse(reading, request, observed, response)
  })

const onError = (observed: ObservedRequest | undefined, error: HttpClientError.HttpClientError): SendFailure => {
  const typed = typedError(error)
  observed?.failed(typed.reason)
  return typed
}

/** The message of undici, which rejects such a response by itself. */
const rejectedStatus = { message: "bad response" }

const onResponse = (
  reading: BodyReading | undefined,
  request: HttpClientRequest,
  observed: ObservedRequest | undefined,
  response: HttpClientResponse
): Outcome<Failure> => {
  observed?.received(response.status)
  if (response.status < 200) return Exit.fail(transportError(request, { cause: rejectedStatus }, false))
  const streaming = new StreamingResponse(response)
  return reading === undefined ? Exit.succeed(streaming) : readBody(reading, request, streaming, observed)
}

/** Which response bodies are read within the exchange, and their maximum size in bytes. */
export interface BodyReading {
  readonly limit: number
  readonly isWanted: (response: HttpClientResponse) => boolean
}

/** Reads the body of a response, if it is wanted. An exit if nothing has to be awaited. */
export const readBody = (
  { isWanted, limit }: BodyReading,
  request: HttpClientRequest,
  response: HttpClientResponse,
  observed?: ObservedRequest
): Effect.Effect<HttpClientResponse, TransportError | BodyTooLarge> => {
  try {
    return isWanted(response) ? readWhole(request, response, limit, observed) : Exit.succeed(response)
  } catch (defect) {
    // A transport calls this outside of any fiber, so an exception of `isWanted` must not be thrown to it.
    return Exit.die(defect)
  }
}

const readWhole = (
  request: HttpClientRequest,
  response: HttpClientResponse,
  limit: number,
  observed: ObservedRequest | undefined
): Effect.Effect<HttpClientResponse, TransportError | BodyTooLarge> => {
  const tooLarge = () => Exit.fail(new BodyTooLarge({ method: request.method, url: redactedUrl(request), limit }))
  const available = bufferedBodyOf(response)
  if (available !== undefined)
    return available.length <= limit ? Exit.succeed(new BufferedResponse(response, available)) : tooLarge()
  return Effect.matchEffect(body.readBounded(response, limit), {
    onFailure: (cause) => {
      const error = transportError(request, cause, true)
      observed?.failed(error.reason)
      return Effect.fail(error)
    },
    onSuccess: (read) => (Option.isSome(read) ? Effect.succeed<HttpClientResponse>(read.value) : tooLarge())
  })
}
