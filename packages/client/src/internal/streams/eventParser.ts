/** Parses an event stream into events, by `eventsource-parser`. */
import { createParser } from "eventsource-parser"
import type { ServerEvent } from "./serverEvent.js"

/** What a chunk contains. */
export interface ParsedEvents {
  readonly events: ReadonlyArray<ServerEvent<string, string>>
  /** Whether an event is larger than the limit. No further events follow. */
  readonly isTooLarge: boolean
}

/**
 * The parser of one response.
 *
 * Specification: [HTML §9.2.6](https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation).
 */
export class EventParser {
  readonly #decoder: TextDecoder = new TextDecoder()
  readonly #parser: { readonly feed: (text: string) => void }
  #events: Array<ServerEvent<string, string>> = []
  #isTooLarge = false
  #endsInReturn = false

  /**
   * @param maxSize - largest event, in characters.
   * @param onRetry - called with the reconnection time that the server sets, in milliseconds.
   */
  constructor(maxSize: number, onRetry: (ms: number) => void) {
    this.#parser = createParser({
      maxBufferSize: maxSize,
      onRetry,
      onEvent: ({ data, event = "message", id }) => {
        this.#isTooLarge ||= data.length > maxSize
        if (!this.#isTooLarge) this.#events.push({ event, data, id })
      },
      onError: ({ type }) => {
        this.#isTooLarge ||= type === "max-buffer-size-exceeded"
      }
    })
  }

  push(chunks: Iterable<Uint8Array>): ParsedEvents {
    for (const chunk of chunks) if (!this.#isTooLarge) this.#feed(this.#decoder.decode(chunk, { stream: true }))
    const events = this.#events
    this.#events = []
    return { events, isTooLarge: this.#isTooLarge }
  }

  /**
   * The parser keeps a carriage return at the end of a text, because a line feed may follow. A server that ends lines with
   * carriage returns would deliver each event one event late, and the last one never.
   */
  #feed(text: string): void {
    if (text === "") return
    const rest = this.#endsInReturn && text.startsWith("\n") ? text.slice(1) : text
    this.#endsInReturn = text.endsWith("\r")
    this.#parser.feed(this.#endsInReturn ? `${rest}\n` : rest)
  }
}
