import * as Undici from "undici/index.js"
import { DecoratorHandler } from "../dispatcher/decoratorHandler.js"
import { SocketState } from "../dispatcher/socketState.js"
import { DispatchHandler } from "./dispatchHandler.js"

/** An undici client that passes the state of its socket to each request handler. */
export class TrackedClient extends Undici.Client {
  readonly #socket: SocketState

  constructor(origin: string | URL, options: Undici.Client.Options, connect: Undici.buildConnector.connector) {
    const socketState = new SocketState((options.pipelining ?? 1) > 1)
    super(origin, {
      ...options,
      connect: (target, callback) =>
        connect(target, (...result) => {
          if (result[0] === null) socketState.open(result[1])
          callback(...result)
        })
    })
    this.#socket = socketState
  }

  override dispatch(options: Undici.Dispatcher.DispatchOptions, handler: Undici.Dispatcher.DispatchHandler): boolean {
    if (handler instanceof DispatchHandler || handler instanceof DecoratorHandler) handler.onDispatch(this.#socket)
    return super.dispatch(options, handler)
  }
}
