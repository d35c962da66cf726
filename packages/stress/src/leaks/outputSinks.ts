/** Where a secret may appear apart from the wire: logs, spans, metrics, the timeline and printed values. */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as HashSet from "effect/HashSet"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Metric from "effect/Metric"
import type * as MetricPair from "effect/MetricPair"
import * as MetricState from "effect/MetricState"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import { Console as NodeConsole } from "node:console"
import { Writable } from "node:stream"
import { inspect } from "node:util"

/** The places. */
export const shown = ["logs", "spans", "metrics", "timeline", "errors", "answers"] as const

/** One of the places. */
export type Shown = (typeof shown)[number]

/** Catches errors of a printer, such as that of the platform for a response with a closed connection. */
const attempt = (print: () => string | undefined): string => {
  try {
    return print() ?? ""
  } catch (cause) {
    return String(cause)
  }
}

const deep = { depth: Number.POSITIVE_INFINITY, showHidden: true, breakLength: Number.POSITIVE_INFINITY }

/** Everything in a value, private fields included, at any depth. */
const inspected = (value: unknown): string => attempt(() => inspect(value, deep))

/** Everything in a value, without its custom `inspect`. */
export const deepInspect = (value: unknown): string => attempt(() => inspect(value, { ...deep, customInspect: false }))

/** A value in all its renderings. */
export const allRenderings = (value: unknown): string => {
  const stack = value instanceof Error ? value.stack : ""
  return [attempt(() => String(value)), attempt(() => JSON.stringify(value)), inspected(value), stack].join("\n")
}

/**
 * A recorded span. Its attributes are private, because errors refer to spans: the print of an error must not contain them.
 */
class Recorded implements Tracer.Span {
  readonly _tag = "Span" as const
  readonly spanId: string
  readonly traceId: string
  readonly sampled = true
  readonly #attributes = new Map<string, unknown>()
  readonly #events: Array<unknown> = []
  readonly links: Array<Tracer.SpanLink> = []
  #status: Tracer.SpanStatus
  readonly name: string
  readonly parent: Option.Option<Tracer.AnySpan>
  readonly context: Context.Context<never>
  readonly kind: Tracer.SpanKind

  constructor(number: number, ...[name, parent, context, links, startTime, kind]: Parameters<Tracer.Tracer["span"]>) {
    this.name = name
    this.parent = parent
    this.context = context
    this.links.push(...links)
    this.kind = kind
    this.spanId = number.toString(16).padStart(16, "0")
    this.traceId = Option.isSome(parent) ? parent.value.traceId : "0af7651916cd43dd8448eb211c80319c"
    this.#status = { _tag: "Started", startTime }
  }

  get attributes(): ReadonlyMap<string, unknown> {
    return this.#attributes
  }

  get status(): Tracer.SpanStatus {
    return this.#status
  }

  end(endTime: bigint, exit: Exit.Exit<unknown, unknown>): void {
    this.#status = { _tag: "Ended", startTime: this.#status.startTime, endTime, exit }
  }

  attribute(key: string, value: unknown): void {
    this.#attributes.set(key, value)
  }

  event(name: string, startTime: bigint, attributes?: Record<string, unknown>): void {
    this.#events.push([name, startTime, attributes])
  }

  addLinks(links: ReadonlyArray<Tracer.SpanLink>): void {
    this.links.push(...links)
  }

  /** Everything that an exporter could read. */
  get exported(): string {
    const { name, status } = this
    const outcome = status._tag === "Ended" && Exit.isFailure(status.exit) ? status.exit.cause : undefined
    return allRenderings([name, this.#attributes, this.#events, outcome, outcome && Cause.prettyErrors(outcome)])
  }
}

const nameOf = ({ metricKey: { name, tags } }: MetricPair.MetricPair.Untyped): string =>
  [name, ...tags.map(({ key, value }) => `${key}=${value}`)].join(" ")

/** The counts of a metric. Only the metric of word frequencies contains other text. */
const valueOf = ({ metricState: state }: MetricPair.MetricPair.Untyped): string => {
  if (MetricState.isFrequencyState(state)) return [...state.occurrences].join(" ")
  if (MetricState.isGaugeState(state)) return String(state.value)
  const counts = MetricState.isCounterState(state) || MetricState.isHistogramState(state)
  return counts || MetricState.isSummaryState(state) ? String(state.count) : ""
}

/** All places, for cases that run together. */
export class OutputSinks {
  readonly #texts: Record<Shown, Array<string>> = {
    logs: [],
    spans: [],
    metrics: [],
    timeline: [],
    errors: [],
    answers: []
  }
  #spans: Array<Recorded> = []
  #sent = 0
  readonly #measured = new Map<object, string>()

  constructor() {
    // Metrics of earlier cases are not counted here.
    this.#metrics()
  }

  /** Records a text. */
  note(sink: Shown, text: string): void {
    this.#texts[sink].push(text)
  }

  /** Runs an effect and records its logs and spans. */
  around<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    const note = (text: string) => this.note("logs", text)
    const stream = new Writable({
      write: (bytes: Uint8Array, _encoding, done) => {
        note(new TextDecoder().decode(bytes))
        done()
      }
    })
    const loggers = HashSet.make<ReadonlyArray<Logger.Logger<unknown, unknown>>>(
      Logger.map(Logger.jsonLogger, note),
      Logger.map(Logger.logfmtLogger, note),
      Logger.prettyLogger({ colors: false, mode: "tty" })
    )
    const tracer = Tracer.make({
      span: (...of) => {
        const span = new Recorded((this.#sent += 1), ...of)
        this.#spans.push(span)
        return span
      },
      context: (f) => f()
    })
    return Effect.consoleWith((console) =>
      effect.pipe(
        Effect.withConsole({ ...console, unsafe: new NodeConsole({ stdout: stream, stderr: stream }) }),
        Effect.locally(FiberRef.currentLoggers, loggers),
        Logger.withMinimumLogLevel(LogLevel.Trace),
        Effect.withTracer(tracer)
      )
    )
  }

  /** Metrics that are new or have changed since the last call: names, tags and values. */
  #metrics(): ReadonlyArray<string> {
    return Metric.unsafeSnapshot(undefined).flatMap((pair) => {
      const value = valueOf(pair)
      if (this.#measured.get(pair.metricKey) === value) return []
      this.#measured.set(pair.metricKey, value)
      return [`${nameOf(pair)} ${value}`]
    })
  }

  /** Everything that was printed since the last call. */
  taken(): Readonly<Record<Shown, string>> {
    for (const span of this.#spans) this.note("spans", span.exported)
    this.#spans = []
    for (const text of this.#metrics()) this.note("metrics", text)
    const take = (sink: Shown): string => this.#texts[sink].splice(0).join("\n")
    return {
      logs: take("logs"),
      spans: take("spans"),
      metrics: take("metrics"),
      timeline: take("timeline"),
      errors: take("errors"),
      answers: take("answers")
    }
  }
}
