const tab = 9
const lineFeed = 10
const carriageReturn = 13
const space = 32
const zero = 48
const one = 49
const two = 50
const letterC = 99
const lowerCaseBit = 32

const statusPrefix = Buffer.from("HTTP/1.", "latin1")
const statusIndex = "HTTP/1.1 ".length
const statusEnd = statusIndex + 3
const contentLengthName = "content-length:"

/**
 * Maximum number of lengths that are rewritten. The parser rejects further ones: removed lines do not count for its limit
 * of a header, and each one costs a copy of the chunk.
 */
const maxRewrittenLengths = 16

const indexOfLineFeed = (bytes: Buffer, from: number): number => {
  let at = from
  while (at < bytes.length && bytes[at] !== lineFeed) at++
  return at
}

/** The length in a list of equal lengths. Undefined for any other list. */
const parseContentLengths = (list: string): string | undefined => {
  const [first = "", ...others] = list.split(",").map((value) => value.trim())
  return /^\d+$/.test(first) && others.every((other) => other === first) ? first : undefined
}

/**
 * Rewrites the header sections of HTTP/1.1 responses that a client must or may accept, but that undici's parser
 * rejects:
 *
 * - An unexpected `100 Continue` becomes `102`, which the parser ignores (RFC 9110 §15.2).
 * - A folded field becomes one line (RFC 9112 §5.2).
 * - A repeated `content-length` with equal values becomes one field (RFC 9110 §8.6).
 *
 * It processes the chunks of a socket and changes no body. {@link startNextResponse} must be called after each
 * response. Any other header section is not changed.
 */
export class ResponseHeadRewriter {
  #inHead = true
  #isAtStart = true
  #isStatusLine = true
  #isInterim = false
  #isContinue = false
  readonly #onContinue: () => void
  #contentLength: string | undefined
  /** The number of rewritten lengths of this response and its interim responses. */
  #rewrittenLengths = 0
  /** The end of the last chunk. The next chunk determines its meaning. */
  #pending: Buffer | undefined
  /** Whether `#pending` is the start of a line. */
  #isPendingLine = false

  /** @param onContinue - called after a `100 Continue`. */
  constructor(onContinue: () => void = () => undefined) {
    this.#onContinue = onContinue
  }

  /** Called when a response is complete: the next chunk starts another one. */
  startNextResponse(): void {
    this.#inHead = true
    this.#isAtStart = true
    this.#rewrittenLengths = 0
  }

  /** @returns the bytes for the parser, or null if more bytes are needed. */
  rewrite(piece: Buffer): Buffer | null {
    if (!this.#inHead) return piece
    const bytes = this.#pending === undefined ? piece : Buffer.concat([this.#pending, piece])
    this.#pending = undefined
    return this.#scan(bytes)
  }

  #scan(piece: Buffer): Buffer | null {
    let bytes = piece
    let at = 0
    // A chunk may begin within a line.
    let isLine = this.#isAtStart || this.#isPendingLine
    this.#isPendingLine = false
    while (this.#inHead && at < bytes.length) {
      if (this.#isAtStart && !this.#startHead(bytes, at)) return this.#defer(bytes, at)
      if (!this.#inHead) break
      const line = at
      const feed = indexOfLineFeed(bytes, at)
      const following = bytes[feed + 1]
      if (following === undefined || (following === carriageReturn && feed + 2 === bytes.length)) {
        this.#isPendingLine = isLine && mayBeContentLength(bytes, line)
        return this.#defer(bytes, this.#isPendingLine ? line : indexOfTrailingBreak(bytes))
      }
      at = feed + 1
      if ((following === space || following === tab) && !this.#isStatusLine && bytes[feed - 1] === carriageReturn) {
        bytes.fill(space, feed - 1, feed + 2)
        isLine = false
        continue
      }
      if (isLine && isContentLengthField(bytes, line)) {
        const shorter = this.#withoutRepeatedLength(bytes, line, feed)
        at -= bytes.length - shorter.length
        bytes = shorter
      }
      this.#isStatusLine = false
      isLine = true
      if (following === carriageReturn) {
        at += 2
        this.#endHead()
      }
    }
    return bytes
  }

  /** @returns whether the status line is complete enough. */
  #startHead(bytes: Buffer, at: number): boolean {
    const prefix = bytes.subarray(at, at + statusPrefix.length)
    if (!prefix.equals(statusPrefix.subarray(0, prefix.length))) {
      // The parser reports the error.
      this.#inHead = false
      return true
    }
    if (bytes.length < at + statusEnd) return false
    const status = at + statusIndex
    const isHundred = bytes[status] === one && bytes[status + 1] === zero
    this.#isContinue = isHundred && bytes[status + 2] === zero
    if (this.#isContinue) bytes[status + 2] = two
    // After 101 the connection uses another protocol.
    this.#isInterim = bytes[status] === one && !(isHundred && bytes[status + 2] === one)
    this.#isAtStart = false
    this.#isStatusLine = true
    this.#contentLength = undefined
    return true
  }

  #endHead(): void {
    this.#isAtStart = true
    this.#inHead = this.#isInterim
    if (this.#isContinue) this.#onContinue()
  }

  #defer(bytes: Buffer, from: number): Buffer | null {
    this.#pending = from === bytes.length ? undefined : bytes.subarray(from)
    return from === 0 ? null : bytes.subarray(0, from)
  }

  #withoutRepeatedLength(bytes: Buffer, line: number, feed: number): Buffer {
    const text = bytes.toString("latin1", line, feed)
    const length = parseContentLengths(text.slice(contentLengthName.length))
    if (length === undefined) return bytes
    const isFirst = this.#contentLength === undefined
    if (isFirst && !text.includes(",")) {
      this.#contentLength = length
      return bytes
    }
    if (!isFirst && this.#contentLength !== length) return bytes
    if (this.#rewrittenLengths === maxRewrittenLengths) return bytes
    this.#rewrittenLengths += 1
    this.#contentLength = length
    const replacement = isFirst ? `${contentLengthName} ${length}\r\n` : ""
    return Buffer.concat([bytes.subarray(0, line), Buffer.from(replacement, "latin1"), bytes.subarray(feed + 1)])
  }
}

/** The index of the trailing line breaks of a chunk. */
const indexOfTrailingBreak = (bytes: Buffer): number => {
  let at = bytes.length
  while (at > 0 && bytes.length - at < 3 && (bytes[at - 1] === carriageReturn || bytes[at - 1] === lineFeed)) at--
  return at
}

/** Maximum length of a `content-length` field of which the parts are collected. A longer one is passed on. */
const maxPendingLine = 256

/** Whether an incomplete line may become a `content-length` field. */
const mayBeContentLength = (bytes: Buffer, line: number): boolean => {
  const name = bytes.toString("latin1", line, line + contentLengthName.length).toLowerCase()
  return bytes.length - line <= maxPendingLine && contentLengthName.startsWith(name)
}

const isContentLengthField = (bytes: Buffer, line: number): boolean =>
  ((bytes[line] ?? 0) | lowerCaseBit) === letterC &&
  bytes.toString("latin1", line, line + contentLengthName.length).toLowerCase() === contentLengthName
