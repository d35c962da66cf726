/** The hostile server in its own process, so that its memory is not counted for the client. */
import type { AddressInfo, Socket } from "node:net"
import { createServer } from "node:net"
import type { Transform } from "node:stream"
import { constants, createBrotliCompress, createGzip } from "node:zlib"
import { answer } from "@countersign/bench/Remote"
import { chosenTexts } from "../hostileServer/chosenText.js"

/** Handles a connection until it is closed. `status` is for the status line. */
type Behaviour = (socket: Socket, status: string) => void

const mebibyte = 1024 * 1024
/** Size of each inflated body. */
const inflated = 200 * mebibyte

const good = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
const head = (status: string, ...fields: ReadonlyArray<string>): string =>
  [`HTTP/1.1 ${status}`, "location: /good", 'www-authenticate: Bearer realm="x"', ...fields, "", ""].join("\r\n")

/** Sends a piece at intervals until the connection is closed. */
const drip = (socket: Socket, milliseconds: number, piece: string): void => {
  const timer = setInterval(() => socket.write(piece), milliseconds)
  socket.once("close", () => clearInterval(timer))
}

/** Sends as fast as the client reads until the connection is closed. */
const flood = (socket: Socket, piece: string): void => {
  const more = (): void => {
    while (!socket.destroyed && socket.write(piece));
  }
  socket.on("drain", more)
  more()
}

const filler = "x".repeat(64 * 1024)
const early = `HTTP/1.1 103 Early Hints\r\nlink: </${"x".repeat(8000)}>\r\n\r\n`
const chunked = "transfer-encoding: chunked"

/** Compresses zeros, or the output of another compressor. */
const pack = async (engine: Transform, plain: Iterable<Uint8Array>): Promise<Buffer> => {
  const packed: Array<Buffer> = []
  engine.on("data", (piece: Buffer) => packed.push(piece))
  const ended = new Promise((resolve) => engine.once("end", resolve))
  for (const piece of plain) if (!engine.write(piece)) await new Promise((resolve) => engine.once("drain", resolve))
  engine.end()
  await ended
  return Buffer.concat(packed)
}

const zeros = function* (): Generator<Uint8Array> {
  const piece = new Uint8Array(mebibyte)
  for (let sent = 0; sent < inflated; sent += mebibyte) yield piece
}

/** The largest brotli window (RFC 7932 §9.1): decoding needs 16 MiB for it. */
const largest = { [constants.BROTLI_PARAM_QUALITY]: 3, [constants.BROTLI_PARAM_LGWIN]: 24 }
const brotli = () => createBrotliCompress({ params: largest })

const makeBombs = async (): Promise<Readonly<Record<string, Buffer>>> => {
  const gzip = await pack(createGzip(), zeros())
  const twice = await pack(createGzip({ level: 9 }), [gzip])
  const thrice = await pack(createGzip({ level: 9 }), [twice])
  return { gzip, br: await pack(brotli(), zeros()), "gzip-gzip": twice, "gzip-gzip-gzip": thrice }
}

let bombs: Readonly<Record<string, Buffer>> = {}

const bomb =
  (name: string): Behaviour =>
  (socket, status) => {
    const bytes = bombs[name] ?? Buffer.alloc(0)
    socket.write(head(status, `content-encoding: ${name.replaceAll("-", ", ")}`, `content-length: ${bytes.length}`))
    socket.write(bytes)
  }

const respondWith =
  (...pieces: ReadonlyArray<string>): Behaviour =>
  (socket) =>
    void socket.write(pieces.join(""))

const respondAndEnd =
  (text: string): Behaviour =>
  (socket) =>
    void socket.end(text)

const respondAndFlood =
  (first: string, piece: string): Behaviour =>
  (socket) => {
    socket.write(first)
    flood(socket, piece)
  }

const behaviours: Readonly<Record<string, Behaviour>> = {
  good: respondWith(good),
  silence: () => undefined,
  // A paused socket does not report that it was closed. This one is resumed when all clients have given up.
  deaf: (socket) => {
    socket.pause()
    const timer = setTimeout(() => socket.resume(), 3000)
    socket.once("close", () => clearTimeout(timer))
  },
  "slow-headers": (socket) => {
    socket.write("HTTP/1.1 200 OK\r\nx-slow: ")
    drip(socket, 1000, "x")
  },
  "interim-drip": (socket) => drip(socket, 50, "HTTP/1.1 102 Processing\r\n\r\n"),
  "interim-flood": respondAndFlood("", early),
  "large-header/one": respondWith(
    "HTTP/1.1 200 OK\r\nx-large: ",
    "x".repeat(mebibyte),
    "\r\ncontent-length: 0\r\n\r\n"
  ),
  "large-header/many": respondWith(
    "HTTP/1.1 200 OK\r\n",
    "x-many: x\r\n".repeat(mebibyte / 11),
    "content-length: 0\r\n\r\n"
  ),
  "endless-headers": respondAndFlood("HTTP/1.1 200 OK\r\n", "x-more: x\r\n".repeat(1000)),
  "endless-trailers": respondAndFlood(head("200 OK", chunked) + "1\r\nx\r\n0\r\n", "x-more: x\r\n".repeat(1000)),
  "chunk-broken": respondWith(head("200 OK", chunked), "5\r\nhello\r\nzz\r\n"),
  "chunk-huge": respondWith(head("200 OK", chunked), "fffffffffffffff\r\nhello"),
  "chunk-extension": respondAndFlood(head("200 OK", chunked) + "5;", filler),
  "length-too-long": respondAndEnd(head("200 OK", "content-length: 100") + "hello"),
  "length-too-short": respondWith(head("200 OK", "content-length: 2"), "{}", filler),
  "length-twice": respondWith(head("200 OK", "content-length: 2", "content-length: 3"), "{}x"),
  "length-and-chunked": respondWith(head("200 OK", "content-length: 2", chunked), "2\r\n{}\r\n0\r\n\r\n"),
  "length-huge": respondAndFlood(head("200 OK", "content-length: 9007199254740991"), filler),
  garbage: respondWith("\u0000\u0001\u0002 this is no HTTP\r\n\r\n".repeat(100)),
  "redirect-loop": respondWith("HTTP/1.1 302 Found\r\nlocation: /redirect-loop\r\ncontent-length: 0\r\n\r\n"),
  drip: (socket, status) => {
    socket.write(head(status, "content-length: 1000000"))
    drip(socket, 50, "x")
  },
  endless: (socket, status) => respondAndFlood(head(status, chunked), `10000\r\n${filler}\r\n`)(socket, status),
  ...Object.fromEntries(["gzip", "br", "gzip-gzip", "gzip-gzip-gzip"].map((name) => [name, bomb(name)]))
}

const sockets = new Set<Socket>()
/** Sockets with a hostile last response. A client must not keep these connections. */
const poisoned = new Map<Socket, string>()
/** Responses that do not harm a connection: a compressed body is small and ends correctly. */
const harmless = /^(?:good|redirect-loop|length-and-chunked|gzip|br)/

const serve = (socket: Socket, request: string): void => {
  const [, path = ""] = /^[A-Z]+ \/(\S*) /.exec(request) ?? []
  const [, name = "", status = "200"] = /^(.*?)(?:\/(\d{3}))?$/.exec(path) ?? []
  if (harmless.test(name)) poisoned.delete(socket)
  else poisoned.set(socket, path)
  const text = chosenTexts[path]
  const behaviour = text === undefined ? (behaviours[path] ?? behaviours[name] ?? respondWith(good)) : respondWith(text)
  behaviour(socket, `${status} So it is`)
}

const accept = (socket: Socket): void => {
  sockets.add(socket)
  socket.on("error", () => undefined)
  socket.once("close", () => {
    sockets.delete(socket)
    poisoned.delete(socket)
  })
  let received = ""
  socket.on("data", (bytes) => {
    received += bytes.toString("latin1")
    if (!received.includes("\r\n\r\n")) return
    const request = received
    received = ""
    serve(socket, request)
  })
}

const server = createServer({ noDelay: true }, accept)
const local = createServer(accept)

const methods = {
  /** Creates the bodies and listens. Returns the port and the size of each body. */
  listen: async () => {
    bombs = await makeBombs()
    const sizes = Object.fromEntries(Object.entries(bombs).map(([name, bytes]) => [name, bytes.length]))
    await new Promise<void>((resolve) => server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, resolve))
    // The address of a listening TCP server is an object.
    return { port: (server.address() as AddressInfo).port, inflated, sizes }
  },
  /** Also listens on a Unix socket, to which every host name leads. */
  listenAt: (path: string) => new Promise<void>((resolve) => local.listen(path, resolve)),
  counts: () => ({ sockets: sockets.size, poisoned: [...poisoned.values()] })
}

/** Methods of the server. */
export type HostileServer = typeof methods

answer(methods)
