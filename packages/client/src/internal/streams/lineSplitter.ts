import { concat } from "../response/readBody.js"

const lineFeed = 10
const carriageReturn = 13

/** The lines of a chunk. */
export interface Lines {
  readonly lines: ReadonlyArray<string>
  /** Whether a line is longer than the limit. No further lines follow. */
  readonly isTooLong: boolean
}

/** Splits bytes into lines of UTF-8. Each byte is looked at once, however the lines are cut. */
export class LineSplitter {
  readonly #maxSize: number
  readonly #decoder: TextDecoder = new TextDecoder()
  #pieces: Array<Uint8Array> = []
  #pendingBytes = 0

  /** @param maxSize - longest line, in bytes without its end. */
  constructor(maxSize: number) {
    this.#maxSize = maxSize
  }

  /** The lines that end in these chunks. */
  push(chunks: Iterable<Uint8Array>): Lines {
    const lines: Array<string> = []
    for (const chunk of chunks) if (!this.#split(chunk, lines)) return { lines, isTooLong: true }
    return { lines, isTooLong: false }
  }

  /** @returns whether no line is too long. */
  #split(chunk: Uint8Array, lines: Array<string>): boolean {
    let from = 0
    for (;;) {
      const at = chunk.indexOf(lineFeed, from)
      const piece = chunk.subarray(from, at === -1 ? chunk.length : at)
      if (this.#pendingBytes + piece.length > this.#maxSize + 1) return false
      this.#pendingBytes += piece.length
      if (piece.length > 0) this.#pieces.push(piece)
      if (at === -1) return true
      const line = this.#take()
      if (line === undefined) return false
      lines.push(line)
      from = at + 1
    }
  }

  /** The last line, which needs no end. */
  end(): Lines {
    const line = this.#take()
    return line === undefined ? { lines: [], isTooLong: true } : { lines: [line], isTooLong: false }
  }

  /** The pending line without the carriage return before its end. Undefined if it is too long. */
  #take(): string | undefined {
    const bytes = concat(this.#pieces, this.#pendingBytes)
    this.#pieces = []
    this.#pendingBytes = 0
    const content = bytes[bytes.length - 1] === carriageReturn ? bytes.subarray(0, -1) : bytes
    return content.length > this.#maxSize ? undefined : this.#decoder.decode(content)
  }
}
