/** Starts an operation and waits until it is done. */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Headers from "@effect/platform/Headers"
import * as OptionNames from "@countersign/protocol/OptionNames"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import type * as Call from "../../Call.js"
import type { InvalidResponse } from "../../Errors.js"
import { InvalidRequest } from "../../Errors.js"
import type { ApiClient } from "../client/apiClient.js"
import { messageOfJson } from "../errors/serverMessage.js"
import type { AnyBodyOptions } from "../request/callBody.js"
import { callNames, defaultNames, otherNames } from "../request/optionNames.js"
import { decodeJson } from "../response/decodeBody.js"
import { printableMessage } from "../response/errorBody.js"
import { makeResponseRedactor } from "../response/redactEchoedCredentials.js"
import { urlOfResponse } from "../response/responseUrl.js"
import { retryAfterHeaderMs } from "../response/retryAfter.js"
import { currentTimeMillis, monotonicMillis } from "../time/clock.js"
import { sleep } from "../time/sleep.js"
import { OperationError } from "./operationError.js"
import type { Position, State } from "./operationState.js"
import { moveTo, resultUrl, startAt, stateOf, statusField } from "./operationState.js"

/** See `Operation.Status`. */
export interface Status {
  /** Where the operation is, to continue later with `Operation.wait`. */
  readonly position: Position
  /** What the response says. */
  readonly state: State
  /** The body, parsed as JSON. Undefined if it is not JSON. */
  readonly body: unknown
  /** The response. Its body can be read again. */
  readonly response: HttpClientResponse
}

/** The options of `Operation`, which declares the type of the result. */
export interface AnyWaitOptions extends Omit<Call.Options<unknown>, "query"> {
  readonly schema?: Schema.Schema<unknown, unknown, unknown> | undefined
  readonly interval?: Duration.DurationInput | undefined
  readonly maxWait?: Duration.DurationInput | undefined
  readonly state?: ((body: unknown, response: HttpClientResponse) => State) | undefined
  readonly result?: ((body: unknown) => string | undefined) | undefined
  readonly onStatus?: ((status: Status) => Effect.Effect<void>) | undefined
}

/** The options of `Operation.run`. */
export interface AnyRunOptions extends AnyWaitOptions, AnyBodyOptions {
  readonly method?: "POST" | "PUT" | "PATCH" | "DELETE" | undefined
  readonly query?: Call.Options["query"]
  readonly path?: Readonly<Record<string, unknown>> | undefined
}

/** See `Operation.defaults`. */
export const defaults = {
  /** Time between two requests, if the server names none. */
  interval: "5 seconds",
  /** Longest time until the operation is done. */
  maxWait: "30 minutes"
} as const

type Failure = InvalidRequest | InvalidResponse | OperationError

/** A response and its body. */
interface Answer {
  readonly body: unknown
  readonly response: HttpClientResponse
}

const ownNames = {
  schema: true,
  interval: "duration",
  maxWait: "duration",
  state: true,
  result: true,
  onStatus: true
} as const

const waitNames: OptionNames.ShapeOf<AnyWaitOptions> = { ...Struct.omit(defaultNames, "query"), ...ownNames }

const runNames: OptionNames.ShapeOf<AnyRunOptions> = {
  ...Struct.omit(callNames, "errorSchema", "withResponse"),
  ...ownNames,
  method: true
}

const invalid = (detail: string): InvalidRequest => new InvalidRequest({ reason: "Options", detail })

/** Shorter waits than a second would flood a server that asks for none. */
const shortestMs = 1000

interface Limits {
  readonly intervalMs: number
  readonly maxWaitMs: number
}

const limitsOf = (options: AnyWaitOptions, names: OptionNames.Shape, owner: string): Limits | InvalidRequest => {
  const unknown = OptionNames.findUnknown(options, names, otherNames)
  if (unknown !== undefined) return invalid(OptionNames.explain(owner, unknown))
  const wrong = OptionNames.findWrongValue(options, names)
  if (wrong !== undefined) return invalid(OptionNames.explainWrongValue(owner, wrong))
  const intervalMs = Duration.toMillis(options.interval ?? defaults.interval)
  const maxWaitMs = Duration.toMillis(options.maxWait ?? defaults.maxWait)
  if (!(intervalMs > 0)) return invalid(`\`interval\` of ${owner} is no duration above 0.`)
  return maxWaitMs > 0 ? { intervalMs, maxWaitMs } : invalid(`\`maxWait\` of ${owner} is no duration above 0.`)
}

/** A body that is no JSON says nothing: a 202 often has a text. */
const answered = <E>(
  call: Effect.Effect<readonly [body: unknown, response: HttpClientResponse], E | InvalidResponse>
): Effect.Effect<Answer, E | InvalidResponse> =>
  Effect.catchAll(
    Effect.map(call, ([body, response]): Answer => ({ body, response })),
    (error) => {
      // The errors of a call are tagged. Only this one has a good response.
      const { _tag, response } = error as Partial<InvalidResponse>
      return _tag === "InvalidResponse" && response !== undefined
        ? Effect.succeed({ body: undefined, response })
        : Effect.fail(error)
    }
  )

/** Header fields of a request without a body. */
const withoutContentFields = (headers: Headers.Input): Headers.Headers =>
  Headers.fromInput(Object.entries(Headers.fromInput(headers)).filter(([name]) => !name.startsWith("content-")))

const commonNames = ["headers", "auth", "timeout", "retry", "redirects", "maxBodySize"] as const

/** The options of the call that each request has. */
const commonOptions = (options: AnyWaitOptions): Call.Options => {
  const { headers, ...common } = Struct.pick(options, ...commonNames)
  // An option of the scheme has its own errors. The signatures of `Operation` declare them.
  return { ...common, ...(headers !== undefined && { headers: withoutContentFields(headers) }) } as Call.Options
}

const makeGet = <E>(api: ApiClient<E>, options: AnyWaitOptions) => {
  const call = { ...commonOptions(options), schema: Schema.Unknown, withResponse: true as const }
  return (url: string) => answered(api.get(url, call))
}

const errorOf = (reason: OperationError["reason"], position: Position, { body, response }: Answer): OperationError => {
  const message = reason === "Failed" || reason === "Canceled" ? messageOfJson(body) : undefined
  const serverMessage = message === undefined ? undefined : printableMessage(message, makeResponseRedactor(response))
  return new OperationError({ reason, url: position.status, position, body, serverMessage })
}

/** Reads the status of an operation until it is done. */
const makeWaiter = <E>(api: ApiClient<E>, options: AnyWaitOptions, { intervalMs, maxWaitMs }: Limits) => {
  const get = makeGet(api, options)
  const { onStatus = () => Effect.void, state: stateOfAnswer = stateOf } = options

  const pause = (position: Position, answer: Answer, end: number) =>
    Effect.gen(function* () {
      const asked = retryAfterHeaderMs(answer.response, yield* currentTimeMillis)
      const delay = Math.max(asked ?? intervalMs, Math.min(intervalMs, shortestMs))
      if ((yield* monotonicMillis) + delay > end) return yield* errorOf("TooLong", position, answer)
      yield* sleep(delay)
    })

  /** Reads the result, if it is not in the last response. */
  const finish = (position: Position, last: Answer) => {
    const url = resultUrl(position, last.body, last.response, options.result?.(last.body))
    return url === undefined ? Effect.succeed(last) : get(url)
  }

  /** @param first - the response that started the operation, if this process started it. */
  return (from: Position, first?: Answer): Effect.Effect<Answer, E | Failure> =>
    Effect.gen(function* () {
      const end = (yield* monotonicMillis) + maxWaitMs
      let position = from
      if (first !== undefined) {
        yield* onStatus({ position, state: "running", ...first })
        yield* pause(position, first, end)
      }
      for (;;) {
        const answer = yield* get(position.status)
        position = moveTo(position, answer.response)
        const state = stateOfAnswer(answer.body, answer.response)
        yield* onStatus({ position, state, ...answer })
        if (state === "succeeded") return yield* finish(position, answer)
        if (state !== "running") return yield* errorOf(state === "failed" ? "Failed" : "Canceled", position, answer)
        yield* pause(position, answer, end)
      }
    })
}

const decoded = ({ body, response }: Answer, { schema }: AnyWaitOptions): Effect.Effect<unknown, Failure, unknown> =>
  schema === undefined ? Effect.succeed(response) : decodeJson(response, body, schema)

/** Waits for an operation at a position. */
export const wait = <E>(
  api: ApiClient<E>,
  position: Position,
  options: AnyWaitOptions
): Effect.Effect<unknown, E | Failure, unknown> =>
  Effect.suspend(() => {
    const limits = limitsOf(options, waitNames, "`Operation.wait`")
    if (limits instanceof InvalidRequest) return Effect.fail(limits)
    return Effect.flatMap(makeWaiter(api, options, limits)(position), (answer) => decoded(answer, options))
  })

/** Starts an operation and waits for it. A response without a status URL is the result. */
export const run = <E>(
  api: ApiClient<E>,
  url: string | URL,
  options: AnyRunOptions
): Effect.Effect<unknown, E | Failure, unknown> =>
  Effect.suspend(() => {
    const limits = limitsOf(options, runNames, "`Operation.run`")
    if (limits instanceof InvalidRequest) return Effect.fail(limits)
    // The signatures of `Operation` declare which options belong together, and the errors of the scheme.
    const start = Struct.omit(
      options,
      "schema",
      "interval",
      "maxWait",
      "state",
      "result",
      "onStatus",
      "method"
    ) as object
    const call = { ...start, schema: Schema.Unknown, withResponse: true as const }
    const first = answered(api.request(options.method ?? "POST", String(url), call))
    const waitFrom = makeWaiter(api, options, limits)
    const done = Effect.flatMap(first, (answer) => {
      const position = startAt(answer.response)
      if (position !== undefined) return waitFrom(position, answer)
      return answer.response.status === 202 || statusField(answer.response) !== undefined
        ? Effect.fail(noStatusUrl(answer))
        : Effect.succeed(answer)
    })
    return Effect.flatMap(done, (answer) => decoded(answer, options))
  })

const noStatusUrl = ({ body, response }: Answer): OperationError =>
  new OperationError({ reason: "NoStatusUrl", url: urlOfResponse(response), position: undefined, body })
