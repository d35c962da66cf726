/** Events of a server, and the error of an event. */
import * as Data from "effect/Data"

/**
 * One event of an event stream.
 *
 * Specification: [HTML §9.2](https://html.spec.whatwg.org/multipage/server-sent-events.html).
 *
 * @since 0.1.0
 * @category models
 */
export interface ServerEvent<out Name extends string, out A> {
  /** Name of the event: `message` if the server sends none. */
  readonly event: Name
  /** Data of the event: decoded with a schema, otherwise the text. */
  readonly data: A
  /** Id of the event, if the server sends one with it. */
  readonly id: string | undefined
}

/** The data of errors. They are not fields of the errors, because they may contain secrets. */
const dataOfError: WeakMap<object, unknown> = new WeakMap()

const shownName = (name: string): string => (/^[\w.:-]{1,60}$/.test(name) ? ` "${name}"` : "")

/**
 * The server reported a failure in the middle of a stream: an event with a name of `failOn`. No printer shows its data.
 *
 * @since 0.1.0
 * @category errors
 */
export class EventError<out A = unknown>
  extends /* @__PURE__ */ Data.TaggedError("EventError")<{
    /** Method of the request, such as `GET`. */
    readonly method: string
    /** URL of the request, safe to print. */
    readonly url: string
    /** Name of the event, such as `error`. */
    readonly event: string
    readonly message: string
  }>
{
  constructor(fields: Pick<EventError<A>, "method" | "url" | "event">, data: A) {
    const { event, method, url } = fields
    super({
      method,
      url,
      event,
      message: `${method} ${url}: the server ended the stream with the event${shownName(event)}`
    })
    dataOfError.set(this, data)
  }

  /** The decoded data of the event. */
  get data(): A {
    return dataOfError.get(this) as A // The constructor stores data of this type.
  }
}
