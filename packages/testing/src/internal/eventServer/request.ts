import type { IncomingMessage } from "node:http"

/** A request as the server received it. */
export interface Received {
  /** Method, such as `GET`. */
  readonly method: string
  /** Path and query. */
  readonly path: string
  /** Headers, with names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** The id of the last event that the client received, decoded from UTF-8. Undefined without `Last-Event-ID`. */
  readonly lastEventId: string | undefined
  /** Body as text. */
  readonly body: string
}

const textOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of request) if (chunk instanceof Buffer) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

/** Reads a request with its body. */
export const receive = async (request: IncomingMessage): Promise<Received> => {
  const { headers, method = "", url: path = "" } = request
  const fields = Object.entries(headers).map(([name, value]) => [name, [value].flat().join(", ")] as const)
  const id = headers["last-event-id"]
  const lastEventId = typeof id === "string" ? Buffer.from(id, "latin1").toString() : undefined
  return { method, path, headers: Object.fromEntries(fields), lastEventId, body: await textOf(request) }
}
