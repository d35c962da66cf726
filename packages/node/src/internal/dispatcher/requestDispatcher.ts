import type * as Undici from "undici"
import type { SocketState } from "./socketState.js"

/**
 * Header fields of a request: names and values alternate. undici's type also allows objects and iterables, and code
 * that adds a field must know the form.
 */
export type HeaderFields = Array<string>

/** A request for the dispatchers of this package. */
export interface OutgoingRequest extends Undici.Dispatcher.DispatchOptions {
  readonly origin: string
  readonly headers: HeaderFields
}

/** Receives the events of a request and its response. */
export interface RequestHandler extends Undici.Dispatcher.DispatchHandler {
  /** Called with the state of the connection, before the request waits for it. */
  readonly onDispatch: (socket: SocketState) => void
  /**
   * Called with a function that ends the wait for a connection, by a dispatcher that must know when the caller cancels.
   */
  readonly onWaiting: (end: () => void) => void
  /** Called when a request without a body, or the end of a body, was written. */
  readonly onRequestSent: () => void
}

/** Sends requests: an undici agent, or a dispatcher that uses proxies. */
export interface RequestDispatcher {
  readonly dispatch: (request: OutgoingRequest, handler: RequestHandler) => boolean
}
