import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import { codedError } from "../mockClient/step.js"

/** How a connection ends early: with a FIN, as of a process that stopped, or with a RST, as of a machine in between. */
export type Ending = "close" | "reset"

/** What is needed of Node's socket; importing its class would keep the in-memory transport from running elsewhere. */
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

/** The socket that a request of Node's server came on; the in-memory transport has none. */
export const socketOf = ({ source }: HttpServerRequest.HttpServerRequest): Socket | undefined =>
  Predicate.hasProperty(source, "socket") && isSocket(source.socket) ? source.socket : undefined

/** So much later, in milliseconds, than the last bytes: Node's client tells a reset that comes with them as an end. */
const resetDelay = 20

/** Node's reset says farewell with a FIN first, unless the socket is destroyed before it gets to that. */
const reset = (socket: Socket): void => {
  socket.resetAndDestroy()
  socket.destroy()
}

/** Ends the connection once what was written before has left. Its end interrupts the fiber that answers. */
const close = (socket: Socket, ending: Ending): Effect.Effect<never> =>
  Effect.zipRight(
    Effect.sync(() => {
      if (ending === "close") socket.destroySoon()
      else socket.write("", () => setTimeout(reset, resetDelay, socket))
    }),
    Effect.never
  )

/** The error that undici has for each ending. */
export const errorOf = (ending: Ending): Error => codedError(ending === "close" ? "UND_ERR_SOCKET" : "ECONNRESET")

/** The body of what the in-memory transport fails for: no byte of an answer came before the end. */
export class Dropped {
  readonly ending: Ending
  constructor(ending: Ending) {
    this.ending = ending
  }
}

/** Ends the connection in the place of an answer. */
export const drop = (
  request: HttpServerRequest.HttpServerRequest,
  ending: Ending
): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
  const socket = socketOf(request)
  return socket === undefined ? Effect.succeed(HttpServerResponse.raw(new Dropped(ending))) : close(socket, ending)
}

/** The bytes of an answer that has them at hand; every answer of the token endpoint does. */
export const bytesOf = ({ body }: HttpServerResponse.HttpServerResponse): Uint8Array =>
  body._tag === "Uint8Array" ? body.body : new Uint8Array()

/** The same answer with its whole length in its head, `after` bytes of its body, and then the end of the connection. */
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
