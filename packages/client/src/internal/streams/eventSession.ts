/** The state of an event stream over its connections: what was received, and whether it is taken up again. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Timeout, TransportError, Unavailable } from "../../Errors.js"
import * as Retry from "../../Retry.js"
import * as RetryBudget from "../../RetryBudget.js"
import type { ClientRetries } from "../client/services.js"
import { retryOptions } from "../client/services.js"
import { isTransientFailure } from "../errors/transience.js"
import { monotonicMillis } from "../time/clock.js"
import { initialState, nextStep } from "../time/scheduleStep.js"
import { toFieldValue } from "./lastEventId.js"
import type { ServerEvent } from "./serverEvent.js"

/**
 * When a stream that breaks is opened again. See the option `reconnect` of `ServerEvents.Options`.
 *
 * @since 0.1.0
 * @category models
 */
export type Reconnect = "resume" | "always" | "never"

/** How a stream reconnects. */
export interface ReconnectRules {
  readonly reconnect: Reconnect
  readonly schedule: Retry.RetrySchedule
  readonly budget: RetryBudget.RetryBudget | false
}

/** A failure after which a stream may be opened again. */
export type Break = TransportError | Timeout | Unavailable

/** Longest reconnection time of a server that is honored, in milliseconds. */
const maxServerDelayMs = 60_000

/** A connection that lasted so long gives the cost of its reconnection back to the budget, in milliseconds. */
const stableMs = 30_000

const noReconnects: Pick<ReconnectRules, "reconnect" | "schedule" | "budget"> = {
  reconnect: "never",
  schedule: Retry.backoff,
  budget: false
}

/** The rules for a method, the options of a stream, and the retries of its client. */
export const reconnectRules = (
  {
    method = "GET",
    reconnect = "resume",
    retry
  }: {
    readonly method?: string | undefined
    readonly reconnect?: Reconnect | undefined
    readonly retry?: ClientRetries["retry"]
  },
  client: ClientRetries | undefined
): ReconnectRules => {
  const chosen = retry ?? client?.retry
  // Another method would be executed again.
  if (method !== "GET" || chosen === false) return noReconnects
  const own = retryOptions(chosen)
  return {
    reconnect,
    schedule: own.schedule ?? Retry.backoff,
    budget: own.budget ?? client?.budget ?? RetryBudget.make()
  }
}

const isBreak = (error: unknown): error is Break =>
  error instanceof TransportError
    ? isTransientFailure(error, () => true)
    : error instanceof Timeout || error instanceof Unavailable

/** The state of one run of a stream. */
export class EventSession {
  readonly #rules: ReconnectRules
  readonly #initialState: unknown
  #scheduleState: unknown
  #lastEventId: string | undefined
  #serverDelayMs: number | undefined
  /** Whether a connection was opened. Failures before are those of the call, which has retried already. */
  #isOpened = false
  #hasEvents = false
  /** The id of the last event. The later events of a server that names some ids only would come twice. */
  #idOfLast: string | undefined
  #break: Break | undefined
  #isOver = false
  /** Cost of the connection in the retry budget. */
  #paid = 0
  #openedAt = Number.POSITIVE_INFINITY

  constructor(rules: ReconnectRules, lastEventId: string | undefined) {
    this.#rules = rules
    this.#initialState = this.#scheduleState = initialState(rules.schedule)
    this.#lastEventId = lastEventId
  }

  /** The `Last-Event-ID` of the next request. */
  get lastEventIdField(): string | undefined {
    return this.#lastEventId === undefined ? undefined : toFieldValue(this.#lastEventId)
  }

  readonly onRetry = (ms: number): void => {
    this.#serverDelayMs = ms
  }

  readonly onOpened: Effect.Effect<void> = Effect.map(monotonicMillis, (now) => {
    this.#isOpened = true
    this.#openedAt = now
  })

  onEvent({ id }: ServerEvent<string, string>): void {
    this.#hasEvents = true
    this.#scheduleState = this.#initialState
    this.#idOfLast = id
    if (id !== undefined) this.#lastEventId = id === "" ? undefined : id
  }

  /** Called at the end of the stream: there is no further connection. */
  end(): void {
    this.#isOver = true
  }

  get #isResumable(): boolean {
    const id = this.#idOfLast
    return !this.#hasEvents || (id !== undefined && id !== "" && toFieldValue(id) !== undefined)
  }

  /** @returns whether the stream continues after the failure. {@link next} then waits and decides. */
  continueAfter(error: unknown): boolean {
    const { reconnect } = this.#rules
    if (this.#isOver || !this.#isOpened || reconnect === "never" || !isBreak(error)) return false
    if (reconnect === "resume" && !this.#isResumable) return false
    this.#break = error
    return true
  }

  /** Waits until the next connection. Fails with none at the end, and with the failure if there is no further connection. */
  readonly next: Effect.Effect<void, Option.Option<Break>> = Effect.suspend(() => {
    const failure = this.#break
    this.#break = undefined
    if (this.#isOver) return Effect.fail(Option.none())
    return failure === undefined ? Effect.void : this.#waitAfter(failure)
  })

  #waitAfter(failure: Break): Effect.Effect<void, Option.Option<Break>> {
    const { budget, schedule } = this.#rules
    const giveUp = Effect.fail(Option.some(failure))
    return Effect.flatMap(
      Effect.zip(monotonicMillis, nextStep(schedule, this.#scheduleState, failure)),
      ([now, step]) => {
        if (Option.isNone(step)) return giveUp
        if (budget !== false) {
          if (this.#paid > 0 && now - this.#openedAt >= stableMs) budget.deposit(failure.url, this.#paid)
          this.#paid = budget.withdraw(failure.url, false)
          if (this.#paid === 0) return giveUp
        }
        this.#scheduleState = step.value.state
        this.#openedAt = Number.POSITIVE_INFINITY
        return Effect.sleep(Duration.millis(this.#delayMs(step.value.delayMs)))
      }
    )
  }

  /** The server's time replaces that of the schedule, which is then its jitter. */
  #delayMs(scheduleMs: number): number {
    if (this.#serverDelayMs === undefined) return scheduleMs
    const serverMs = Math.min(this.#serverDelayMs, maxServerDelayMs)
    return serverMs + Math.min(scheduleMs, serverMs / 10)
  }
}
