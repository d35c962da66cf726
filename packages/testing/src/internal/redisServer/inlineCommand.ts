/** Commands for a Redis server over a connection of their own, without a client library. */
import * as Effect from "effect/Effect"
import { connect } from "node:net"

/**
 * Sends a command without blanks in its arguments, and returns the response as Redis writes it. Returns undefined if the
 * connection fails.
 */
export const send = (port: number, command: string): Effect.Effect<string | undefined> =>
  Effect.async((resume) => {
    let response = ""
    const socket = connect(port, "127.0.0.1", () => socket.write(`${command}\r\nQUIT\r\n`))
    socket.setEncoding("utf8")
    socket.on("data", (text: string) => {
      response += text
    })
    socket.once("error", () => resume(Effect.succeed(undefined)))
    socket.once("end", () => resume(Effect.succeed(response)))
    return Effect.sync(() => socket.destroy())
  })
