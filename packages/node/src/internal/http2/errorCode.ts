/** Error codes of HTTP/2: RFC 9113 §7. */
export const errorCode = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  enhanceYourCalm: 11,
  http11Required: 13
} as const

const names: ReadonlyArray<string> = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED"
]

/** The name of an error code, or the number of an unknown one. */
const errorName = (code: number): string => names[code] ?? `error ${code}`

/** Describes a frame with an error code of the server: RST_STREAM or GOAWAY. */
export const describeServerError = (frame: string, code: number): string => {
  const text = `${frame} with ${errorName(code)}`
  return code === errorCode.http11Required ? `${text}. Set \`allowH2\` to false` : text
}

/** A connection error, which ends the connection: RFC 9113 §5.4.1. */
export class ConnectionError extends Error {
  override readonly name: string = "ConnectionError"
  readonly code: string = "ERR_HTTP2_ERROR"
  readonly errorCode: number

  /** @param detail - the violation, without any data of the server. */
  constructor(errorCode: number, detail: string) {
    super(`${errorName(errorCode)}: ${detail}`)
    this.errorCode = errorCode
  }
}

/** A stream error, which ends one stream: RFC 9113 §5.4.2. */
export class StreamError extends Error {
  override readonly name: string = "StreamError"
  readonly code: string = "ERR_HTTP2_STREAM_ERROR"
  readonly errorCode: number

  /** @param detail - the violation. Of the server's data it contains only names of the protocol. */
  constructor(errorCode: number, detail: string) {
    super(`${errorName(errorCode)}: ${detail}`)
    this.errorCode = errorCode
  }
}
