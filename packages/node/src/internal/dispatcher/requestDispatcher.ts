import type * as Undici from "undici"
import type { SocketState } from "./socketState.js"

/**
 * Header fields of a request: names and values in turn. This is the only form between the client and the dispatcher,
 * because undici's own type also allows objects and iterables, and code that adds a field has to know the form.
 */
export type HeaderFields = Array<string>

/** A request as dispatchers of this package receive it. */
export interface OutgoingRequest extends Undici.Dispatcher.DispatchOptions {
  readonly origin: string
  readonly headers: HeaderFields
}

/** What receives the response. */
export interface RequestHandler extends Undici.Dispatcher.DispatchHandler {
  /** Called before the request waits for its connection, which has this state. */
  readonly onDispatch: (socket: SocketState) => void
  /** Called by a dispatcher with what ends the wait for a connection, where it has to know that the caller ended it. */
  readonly onWaiting: (end: () => void) => void
  /** Called after a request without a body was written, and at the end of a body. */
  readonly onRequestSent: () => void
}

/** Sends requests: an agent of undici, or proxies in front of agents. */
export interface RequestDispatcher {
  readonly dispatch: (request: OutgoingRequest, handler: RequestHandler) => boolean
}
