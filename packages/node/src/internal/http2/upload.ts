import { Readable } from "node:stream"
import { errors } from "undici/index.js"
import type { BodySource } from "./bodySource.js"

/** A part of the body for one DATA frame. */
export interface Piece {
  readonly bytes: Buffer
  readonly isLast: boolean
}

interface UploadEvents {
  /** Called when a part can be taken. */
  readonly onReady: () => void
  /** Called when the body failed, or its length differs from its `content-length`. */
  readonly onFailed: (cause: Error) => void
}

const nothing = Buffer.alloc(0)

const toBuffer = (chunk: unknown): Buffer => {
  if (typeof chunk === "string") return Buffer.from(chunk)
  if (ArrayBuffer.isView(chunk)) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  throw new TypeError(`invalid chunk of the request body: ${typeof chunk}, expected bytes or a string`)
}

const closedEarly = "the request body was closed before its end"

const toError = (cause: unknown): Error => (cause instanceof Error ? cause : new Error(String(cause)))

/** The request body as parts for DATA frames. */
export class Upload {
  readonly #stream: Readable | undefined
  readonly #contentLength: number | undefined
  readonly #events: UploadEvents
  #chunk: Buffer = nothing
  #sent = 0
  /** Whether the source has ended. */
  #isSourceEnded = false
  #isDone = false
  #isCancelled = false
  /** Whether the body waits for the server. */
  #isHeld = false

  /** @param contentLength - the value of the request's `content-length`. */
  constructor({ source }: BodySource, contentLength: number | undefined, events: UploadEvents) {
    this.#contentLength = contentLength
    this.#events = events
    if (source instanceof Readable) {
      this.#stream = source
      return
    }
    this.#chunk = source
    this.#isSourceEnded = true
    this.#isDone = source.length === 0
  }

  /** Whether the body was sent completely. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** Whether a part can be taken now. The last part of a stream may be empty. */
  get isReady(): boolean {
    return !this.#isDone && !this.#isCancelled && !this.#isHeld && (this.#isSourceEnded || this.#chunk.length > 0)
  }

  /** Whether only the end of the stream remains to be sent. */
  get isAtEnd(): boolean {
    return this.#isSourceEnded && this.#chunk.length === 0
  }

  /** Lets no part be taken until {@link release}. */
  hold(): void {
    this.#isHeld = true
  }

  release(): void {
    this.#isHeld = false
  }

  /** Starts to read the stream. */
  start(): void {
    const stream = this.#stream
    if (stream === undefined) return
    if (stream.readableEnded) return this.#end()
    if (stream.destroyed) return this.#fail(stream.errored ?? new Error(closedEarly))
    stream.on("readable", () => {
      if (this.#read()) this.#events.onReady()
    })
    stream.on("end", () => this.#end())
    stream.on("error", (cause) => this.#fail(cause))
    stream.on("close", () => {
      if (!this.#isSourceEnded) this.#fail(new Error(closedEarly))
    })
  }

  /** @returns whether new bytes are available. */
  #read(): boolean {
    if (this.#chunk.length > 0) return false
    try {
      while (this.#chunk.length === 0 && !this.#isCancelled) {
        const chunk: unknown = this.#stream?.read()
        if (chunk === null || chunk === undefined) return false
        this.#chunk = toBuffer(chunk)
        this.#checkLength()
      }
    } catch (cause) {
      this.#fail(toError(cause))
    }
    return this.#chunk.length > 0
  }

  #end(): void {
    this.#isSourceEnded = true
    this.#checkLength()
    if (this.isReady) this.#events.onReady()
  }

  #checkLength(): void {
    const length = this.#sent + this.#chunk.length
    const contentLength = this.#contentLength
    if (contentLength === undefined || (this.#isSourceEnded ? length === contentLength : length <= contentLength))
      return
    this.#fail(new errors.RequestContentLengthMismatchError())
  }

  /** Takes up to `max` bytes. Only called when a part is ready. */
  take(max: number): Piece {
    const bytes = this.#chunk.subarray(0, max)
    this.#chunk = this.#chunk.subarray(bytes.length)
    this.#sent += bytes.length
    this.#isDone = this.#isSourceEnded && this.#chunk.length === 0
    this.#read()
    return { bytes, isLast: this.#isDone }
  }

  #fail(cause: Error): void {
    if (this.#isCancelled || this.#isDone) return
    this.cancel()
    this.#events.onFailed(cause)
  }

  /** Stops reading, and destroys the stream. */
  cancel(): void {
    if (this.#isCancelled) return
    this.#isCancelled = true
    this.#chunk = nothing
    this.#stream?.destroy()
  }
}
