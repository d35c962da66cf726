/** The requests of a mock transport and their outcomes, as its messages list them. */
import * as Redact from "@countersign/protocol/Redact"
import type { Entry, Sent } from "./log.js"

/** Maximum number of requests that a message lists. */
const maxListed = 30

/** A request as a message shows it, without query values. */
export const requestText = ({ method, url }: Pick<Sent, "method" | "url">): string => `${method} ${Redact.url(url)}`

/** Numbered lines, each below the one before it. */
export const lines = (numbered: ReadonlyArray<readonly [number: number, text: string]>): string =>
  numbered.map(([number, text]) => `\n  ${number}. ${text}`).join("")

/** What a mock transport recorded. */
export class History {
  readonly entries: Array<Entry> = []
  readonly #outcomes: Array<string | undefined> = []
  readonly #unexpected: Array<Sent> = []

  /** Records the response of a request. */
  answered(index: number, outcome: string): void {
    this.#outcomes[index] = outcome
  }

  /** Records a request that the script does not expect. */
  unexpected(request: Sent): void {
    this.#unexpected.push(request)
    this.answered(request.index, "unexpected")
  }

  /** The requests that the script did not expect. */
  get unexpectedRequests(): ReadonlyArray<Sent> {
    return this.#unexpected
  }

  /** The last sentence of a message: all requests before `end`, with their outcomes. */
  listBefore(end: number): string {
    const sent = this.entries.filter((entry): entry is Sent => entry._tag === "Sent" && entry.index < end)
    if (sent.length === 0) return "Nothing was sent before."
    const hidden = Math.max(0, sent.length - maxListed)
    const shown = sent.slice(hidden).map((one): [number, string] => [one.index + 1, this.#line(one)])
    return `Sent so far:${hidden === 0 ? "" : `\n  … ${hidden} earlier`}${lines(shown)}`
  }

  #line(sent: Sent): string {
    const isInterrupted = this.entries.some(({ _tag, index }) => _tag === "Interrupted" && index === sent.index)
    return `${requestText(sent)} → ${isInterrupted ? "interrupted" : (this.#outcomes[sent.index] ?? "no response yet")}`
  }
}
