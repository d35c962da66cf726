/** Servers that end a response at a chosen point in a chosen way, over TCP and below TLS. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Socket } from "node:net"
import * as Net from "node:net"
import * as Tls from "node:tls"
import { certificates } from "./certificates.js"
import { afterReading, listen } from "./server.js"

/** `resetAndDestroy` sends a FIN before the RST: it sets this property, which `destroy` obeys, and ends the stream. */
const reset = (socket: Socket): void => void Object.assign(socket, { resetAndClosing: true }).destroy()

/** How the server ends the response. Each function gets the socket to the client, below TLS if there is TLS. */
export const endings = {
  FIN: (socket: Socket): void => void socket.end(),
  RST: (socket: Socket): void => reset(socket),
  /** Bytes that are neither HTTP nor TLS, then nothing more. */
  garbage: (socket: Socket): void => void socket.write("\u0000\u0001garbage\r\n\r\n", "latin1"),
  silence: (): void => undefined,
  /** A TLS record that does not decrypt, then nothing more. */
  record: (socket: Socket): void => void socket.write(Buffer.from(`1703030028${"ab".repeat(40)}`, "hex")),
  /** A fatal alert without encryption (handshake_failure), then nothing more. */
  alert: (socket: Socket): void => void socket.write(Buffer.from("15030300020228", "hex"))
} as const

export type Ending = keyof typeof endings

/** A server, and how many requests it has received. */
export interface FaultyServer {
  readonly url: string
  readonly requests: () => number
}

const heads = (text: string): number => text.split("\r\n\r\n").length - 1

/** Sends `text` after a request has arrived, then ends. The pause prevents that a reset overtakes the text. */
export const plain = (text: string, ending: Ending): Effect.Effect<FaultyServer, never, Scope.Scope> =>
  Effect.gen(function* () {
    let requests = 0
    const server = Net.createServer((socket) => {
      let received = ""
      socket.on("error", () => undefined)
      socket.on("data", (data) => {
        if (heads(received) > 0) return
        received += data.toString("latin1")
        if (heads(received) === 0) return
        requests++
        if (text !== "") socket.write(text, "latin1")
        if (text === "") endings[ending](socket)
        else afterReading(() => endings[ending](socket), 50)
      })
    })
    const { url } = yield* listen(server)
    return { url, requests: () => requests }
  })

/**
 * The same over TLS: a server behind a relay, which ends the connection to the client below TLS. With `handshake` it ends
 * after the first message of the client.
 */
export const secured = (text: string, ending: Ending): Effect.Effect<FaultyServer, never, Scope.Scope> =>
  Effect.gen(function* () {
    let requests = 0
    const relayed: Array<Socket> = []
    const inner = Tls.createServer({ ...certificates?.server }, (socket) => {
      let received = ""
      const client = relayed.shift()
      socket.on("error", () => undefined)
      socket.on("data", (data) => {
        if (heads(received) > 0) return
        received += data.toString("latin1")
        if (heads(received) === 0 || client === undefined) return
        requests++
        if (text !== "") socket.write(text, "latin1")
        afterReading(() => {
          client.unpipe()
          endings[ending](client)
        }, 100)
      })
    })
    const { url: innerUrl } = yield* listen(inner)
    const outer = Net.createServer((client) => {
      client.on("error", () => undefined)
      if (text === "handshake") return void client.once("data", () => endings[ending](client))
      const server = Net.connect({ port: Number(new URL(innerUrl).port), host: "127.0.0.1" })
      relayed.push(client)
      server.on("error", () => undefined)
      client.pipe(server, { end: false })
      server.on("data", (data) => client.writable && client.write(data))
      client.on("close", () => server.destroy())
    })
    const { url } = yield* listen(outer, "https")
    return { url, requests: () => requests }
  })
