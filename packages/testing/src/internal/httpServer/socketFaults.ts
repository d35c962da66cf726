import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import { codedError } from "../mockClient/step.js"

/** How a connection ends early: with a FIN, like a stopped process, or with a RST, like a network device. */
export type Ending = "close" | "reset"

/** The needed part of Node's socket. An import of its class would bind the in-memory transport to Node. */
interface Socket {
  readonly destroy: () => void
  readonly destroySoon: () => void
  readonly resetAndDestroy: () => void
  readonly write: (data: string, then: () => void) => unknown
}

const isSocket = (value: unknown): value is Socket =>
  ["destroy", "destroySoon", "resetAndDestroy", "write"].every(
    (name) => Predicate.hasProperty(value, name) && Predicate.isFunction(value[name])
  )

/** The socket of a request to Node's server. The in-memory transport has none. */
export const socketOf = ({ source }: HttpServerRequest.HttpServerRequest): Socket | undefined =>
  Predicate.hasProperty(source, "socket") && isSocket(source.socket) ? source.socket : undefined

/** Delay of a reset after the last bytes, in milliseconds: Node's client reports a reset together with bytes as an end. */
const resetDelay = 20

/** Node's reset sends a FIN first, unless the socket is destroyed before. */
const reset = (socket: Socket): void => {
  socket.resetAndDestroy()
  socket.destroy()
}

/** Ends the connection after everything written before was sent. The end interrupts the fiber of the response. */
const close = (socket: Socket, ending: Ending): Effect.Effect<never> =>
  Effect.zipRight(
    Effect.sync(() => {
      if (ending === "close") socket.destroySoon()
      else socket.write("", () => setTimeout(reset, resetDelay, socket))
    }),
    Effect.never
  )

/** The error of undici for each ending. */
export const errorOf = (ending: Ending): Error => codedError(ending === "close" ? "UND_ERR_SOCKET" : "ECONNRESET")

/** Body of a response that never started, for the in-memory transport to fail with. */
export class Dropped {
  readonly ending: Ending
  constructor(ending: Ending) {
    this.ending = ending
  }
}

/** Ends the connection without a response. */
export const drop = (
  request: HttpServerRequest.HttpServerRequest,
  ending: Ending
): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
  const socket = socketOf(request)
  return socket === undefined ? Effect.succeed(HttpServerResponse.raw(new Dropped(ending))) : close(socket, ending)
}

/** Bytes of a response. All responses of the token endpoint have them in memory. */
export const bytesOf = ({ body }: HttpServerResponse.HttpServerResponse): Uint8Array =>
  body._tag === "Uint8Array" ? body.body : new Uint8Array()

/** Sends the headers with the whole length and `after` bytes of the body, and then ends the connection. */
export const cut = (
  request: HttpServerRequest.HttpServerRequest,
  response: HttpServerResponse.HttpServerResponse,
  options: { readonly after?: number | undefined; readonly how?: Ending | undefined }
): HttpServerResponse.HttpServerResponse => {
  const { after, how: ending = "close" } = options
  const bytes = bytesOf(response)
  const socket = socketOf(request)
  const part = Stream.make(bytes.subarray(0, after ?? Math.floor(bytes.length / 2)))
  const broken = socket === undefined ? Stream.fail(errorOf(ending)) : Stream.fromEffect(close(socket, ending))
  return HttpServerResponse.stream(Stream.concat(part, broken), {
    status: response.status,
    headers: response.headers,
    contentLength: bytes.length,
    ...(response.headers["content-type"] === undefined ? {} : { contentType: response.headers["content-type"] })
  })
}
