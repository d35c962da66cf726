/** The event streams that the server sends. */
import type { ServerResponse } from "node:http"

/** How the server writes events: blocks of 64 KiB that cut events, or each event by itself. */
export type Form = "blocks" | "single"

/** Size of an event in bytes. */
const size = 200

/** Size of a block in bytes. It is no multiple of the size of an event. */
const blockSize = 64 * 1024

/** The data of each event. */
export const data: string = "d".repeat(size - "data: \n\n".length)

const event = `data: ${data}\n\n`

/** Long enough for a block that begins at any byte of an event. */
const events = Buffer.from(event.repeat(Math.ceil(blockSize / size) + 1))

const head = ["content-type", "text/event-stream"]

/** The path of a stream that ends. */
export const pathOf = (form: Form, count: number): string => `/events/${form}/${count}`

/** Sends the events of a path of {@link pathOf}, and ends the stream. */
export const giveEvents = (response: ServerResponse, path: string): void => {
  response.writeHead(200, head)
  const [, , form, count] = path.split("/")
  const pieceSize = form === "single" ? size : blockSize
  const total = Number(count) * size
  let sent = 0
  const more = (): void => {
    while (sent < total) {
      const length = Math.min(pieceSize, total - sent)
      const from = sent % size
      sent += length
      if (!response.write(events.subarray(from, from + length)) && sent < total) {
        response.once("drain", more)
        return
      }
    }
    response.end()
  }
  more()
}

/** Sends one event. The stream stays open. */
export const giveFirstEvent = (response: ServerResponse): void => {
  response.writeHead(200, head)
  response.write(event)
}
