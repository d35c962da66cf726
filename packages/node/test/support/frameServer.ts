import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Socket } from "node:net"
import type { TLSSocket } from "node:tls"
import * as Tls from "node:tls"
import { certificates } from "./certificates.js"
import type { TestServer } from "./server.js"
import { listen } from "./server.js"

/** Types of frames: RFC 9113 §6. */
export const type = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9
} as const

const endStream = 1
const endHeaders = 4
const ack = 1

/** The bytes of a frame, valid or not. */
export const frame = (kind: number, flags: number, id: number, payload: Uint8Array = new Uint8Array(0)): Buffer => {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(kind, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(id, 5)
  return Buffer.concat([head, payload])
}

/** Numbers of 32 bits. */
export const numbers = (...values: ReadonlyArray<number>): Buffer => {
  const bytes = Buffer.alloc(4 * values.length)
  values.forEach((value, at) => bytes.writeUInt32BE(value, 4 * at))
  return bytes
}

/** A header field as a literal: RFC 7541 §6.2.2. Names and values are shorter than 127 bytes. */
export const field = (name: string, value: string): Buffer =>
  Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name, "latin1"),
    Buffer.from([value.length]),
    Buffer.from(value, "latin1")
  ])

/** HEADERS with a status and further fields. */
export const headers = (id: number, status: number, fields: ReadonlyArray<Buffer> = [], isLast = false): Buffer =>
  frame(
    type.headers,
    endHeaders | (isLast ? endStream : 0),
    id,
    Buffer.concat([field(":status", String(status)), ...fields])
  )

export const data = (id: number, body: string | Uint8Array, isLast = false): Buffer =>
  frame(type.data, isLast ? endStream : 0, id, Buffer.from(body))

export const reset = (id: number, code: number): Buffer => frame(type.reset, 0, id, numbers(code))

export const goaway = (last: number, code = 0): Buffer => frame(type.goaway, 0, 0, numbers(last, code))

/** A parameter of SETTINGS. */
export const setting = (name: number, value: number): Buffer => {
  const bytes = Buffer.alloc(6)
  bytes.writeUInt16BE(name, 0)
  bytes.writeUInt32BE(value, 2)
  return bytes
}

/** A frame as it was received. */
interface ReceivedFrame {
  readonly type: number
  readonly flags: number
  readonly id: number
  readonly payload: Buffer
}

/** A connection to the server. */
export interface FrameConnection {
  readonly socket: TLSSocket
  readonly frames: Array<ReceivedFrame>
  readonly write: (...frames: ReadonlyArray<Buffer>) => void
  /** Resets the TCP connection. */
  readonly lose: () => void
}

/** A complete request. */
export interface FrameRequest {
  readonly connection: FrameConnection
  readonly id: number
  readonly body: string
  /** Sequence number of the request at this server, starting at 1. */
  readonly requestNumber: number
}

export interface FrameServer extends TestServer {
  readonly requests: Array<FrameRequest>
  readonly opened: Array<FrameConnection>
}

interface Options {
  /** Called when a request is complete. */
  readonly onRequest?: (request: FrameRequest) => void
  /** Called for each frame. */
  readonly onFrame?: (connection: FrameConnection, frame: ReceivedFrame) => void
  /** The parameters of the server's SETTINGS; `null` for none at all. */
  readonly settings?: ReadonlyArray<Buffer> | null
}

const prefaceLength = 24

/** Cuts bytes into frames, independently of the code under test. */
const framesOf = (onFrame: (frame: ReceivedFrame) => void): ((bytes: Buffer) => void) => {
  let left = Buffer.alloc(0)
  let begun = false
  return (bytes) => {
    left = Buffer.concat([left, bytes])
    if (!begun && left.length >= prefaceLength) {
      begun = true
      left = left.subarray(prefaceLength)
    }
    while (begun && left.length >= 9 && left.length >= 9 + left.readUIntBE(0, 3)) {
      const end = 9 + left.readUIntBE(0, 3)
      const [payload, id] = [left.subarray(9, end), left.readUInt32BE(5)]
      const received = { type: left.readUInt8(3), flags: left.readUInt8(4), id, payload }
      left = left.subarray(end)
      onFrame(received)
    }
  }
}

/** An HTTP/2 server that sends only the given frames, SETTINGS and its acknowledgement apart. */
export const frameServer = (options: Options): Effect.Effect<FrameServer, never, Scope.Scope> => {
  const requests: Array<FrameRequest> = []
  const opened: Array<FrameConnection> = []
  const raw = new Map<number | undefined, Socket>()
  const server = Tls.createServer({ ...certificates?.server, ALPNProtocols: ["h2"] }, (socket) => {
    socket.on("error", () => undefined)
    const tcp = raw.get(socket.remotePort)
    const bodies = new Map<number, string>()
    const connection: FrameConnection = {
      socket,
      frames: [],
      write: (...frames) => void (socket.writable && socket.write(Buffer.concat(frames))),
      lose: () => void tcp?.resetAndDestroy()
    }
    opened.push(connection)
    if (options.settings !== null) connection.write(frame(type.settings, 0, 0, Buffer.concat(options.settings ?? [])))
    const receive = framesOf((received) => {
      const { flags, id, payload, type: kind } = received
      connection.frames.push(received)
      if (kind === type.settings && (flags & ack) === 0 && options.settings !== null) {
        connection.write(frame(type.settings, ack, 0))
      }
      options.onFrame?.(connection, received)
      if (kind === type.data) bodies.set(id, (bodies.get(id) ?? "") + payload.toString("latin1"))
      if ((kind !== type.data && kind !== type.headers) || (flags & endStream) === 0) return
      const request = { connection, id, body: bodies.get(id) ?? "", requestNumber: requests.length + 1 }
      requests.push(request)
      options.onRequest?.(request)
    })
    socket.on("data", receive)
  })
  server.on("connection", (socket: Socket) => raw.set(socket.remotePort, socket))
  return Effect.map(listen(server, "https"), (listening) => Object.assign(listening, { requests, opened }))
}
