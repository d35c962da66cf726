import type { RequestHandler } from "./requestDispatcher.js"
import type { SocketState } from "./socketState.js"

/** A handler that forwards every event to another one: the base class of handlers that change some events. */
export class DecoratorHandler implements RequestHandler {
  readonly #handler: RequestHandler

  constructor(handler: RequestHandler) {
    this.#handler = handler
  }

  onDispatch(socket: SocketState): void {
    this.#handler.onDispatch(socket)
  }

  onWaiting(end: () => void): void {
    this.#handler.onWaiting(end)
  }

  onConnect(abort: (error?: Error) => void): void {
    this.#handler.onConnect?.(abort)
  }

  onError(error: Error): void {
    this.#handler.onError?.(error)
  }

  onRequestSent(): void {
    this.#handler.onRequestSent()
  }

  onResponseStarted(): void {
    this.#handler.onResponseStarted?.()
  }

  onHeaders(status: number, fields: Array<Buffer>, resume: () => void, text: string): boolean {
    return this.#handler.onHeaders?.(status, fields, resume, text) ?? true
  }

  onData(chunk: Buffer): boolean {
    return this.#handler.onData?.(chunk) ?? true
  }

  onComplete(trailers: Array<string> | null): void {
    this.#handler.onComplete?.(trailers)
  }

  onBodySent(chunkSize: number, totalBytesSent: number): void {
    this.#handler.onBodySent?.(chunkSize, totalBytesSent)
  }
}
