import type { Socket } from "node:net"

/** The final response of a proxy to `CONNECT`: RFC 9110 §9.3.6. */
export interface ConnectResponse {
  readonly status: number
  /** The header fields by lower-case name. Values of one name are joined. */
  readonly headers: Readonly<Record<string, string>>
}

/** The response is invalid. */
class ConnectResponseError extends Error {
  override readonly name: string = "ConnectResponseError"
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

const prefix = "HTTP/1."
const statusLinePattern = /^HTTP\/1\.\d (\d{3})(?: |$)/
const endPattern = /\r?\n\r?\n/

/** Unfolds lines (RFC 9112 §5.2), and joins the values of a name. */
const parseFields = (lines: string): Record<string, string> => {
  const fields: Record<string, string> = {}
  for (const line of lines.replaceAll(/\r?\n[ \t]+/g, " ").split(/\r?\n/)) {
    const colon = line.indexOf(":")
    if (colon < 1) continue
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    fields[name] = fields[name] === undefined ? value : `${fields[name]}, ${value}`
  }
  return fields
}

const parseHead = (head: string): ConnectResponse => {
  const status = Number(statusLinePattern.exec(head.split(/\r?\n/, 1)[0] ?? "")?.[1])
  if (!(status >= 100)) throw new ConnectResponseError("HPE_INVALID_STATUS", "the status line is invalid")
  const fields = head.search(/\n/)
  return { status, headers: fields === -1 ? {} : parseFields(head.slice(fields + 1)) }
}

/** Reads header sections until that of a final response. The other responses to a request are interim: RFC 9110 §15.2. */
export class ConnectResponseReader {
  readonly #maxHeaderSize: number
  #text = ""

  constructor(maxHeaderSize: number) {
    this.#maxHeaderSize = maxHeaderSize
  }

  /**
   * @returns the final response and the bytes that follow it, or undefined if more bytes are needed.
   * @throws ConnectResponseError
   */
  read(bytes: Buffer): { readonly response: ConnectResponse; readonly rest: Buffer } | undefined {
    this.#text += bytes.toString("latin1")
    for (;;) {
      const begin = this.#text.slice(0, prefix.length)
      if (!prefix.startsWith(begin)) throw new ConnectResponseError("HPE_INVALID_CONSTANT", "the response is not HTTP")
      const end = endPattern.exec(this.#text)
      if ((end?.index ?? this.#text.length) > this.#maxHeaderSize) {
        throw new ConnectResponseError("HPE_HEADER_OVERFLOW", "the header section is too large")
      }
      if (end === null) return undefined
      const response = parseHead(this.#text.slice(0, end.index))
      this.#text = this.#text.slice(end.index + end[0].length)
      // After 101 the connection uses another protocol.
      if (response.status >= 200 || response.status === 101) {
        return { response, rest: Buffer.from(this.#text, "latin1") }
      }
    }
  }
}

/** Receives the response or the error. */
type OnResponse = (result: ConnectResponse | Error) => void

/** Reads the response to a `CONNECT` from a socket, and leaves the bytes after it in the socket. */
export const readConnectResponse = (socket: Socket, maxHeaderSize: number, onResponse: OnResponse): void => {
  const reader = new ConnectResponseReader(maxHeaderSize)
  const end = (result: ConnectResponse | Error) => {
    socket.off("readable", onReadable).off("error", end).off("close", onClose)
    onResponse(result)
  }
  const onClose = () =>
    end(Object.assign(new Error("the proxy closed the connection"), { code: "ECONNRESET", syscall: "read" }))
  const onReadable = () => {
    try {
      for (let bytes: unknown = socket.read(); Buffer.isBuffer(bytes); bytes = socket.read()) {
        const found = reader.read(bytes)
        if (found === undefined) continue
        if (found.rest.length > 0) socket.unshift(found.rest)
        return end(found.response)
      }
    } catch (error) {
      // Only the reader throws.
      end(error as ConnectResponseError)
    }
  }
  socket.on("readable", onReadable).on("error", end).on("close", onClose)
}
