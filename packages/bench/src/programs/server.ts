/** The server of every measurement, in a separate process. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { giveEvents, giveFirstEvent } from "../EventStreams.js"
import { givePage } from "../PagedList.js"
import { payload } from "../Payload.js"
import { answer } from "../Remote.js"

const json = Buffer.from(JSON.stringify(payload))
const jsonHead = ["content-type", "application/json", "content-length", String(json.length)]
const chunk = Buffer.alloc(64 * 1024, "x")

let requests = 0
let connections = 0
let held: Array<ServerResponse> = []
let chance = 1

/** The same pseudorandom sequence in each run, so that all clients get the same failures. */
const next = (): number => {
  chance = (Math.imul(chance, 1_664_525) + 1_013_904_223) >>> 0
  return chance / 2 ** 32
}

const giveJson = (response: ServerResponse): void => {
  response.writeHead(200, jsonHead)
  response.end(json)
}

/** Of a hundred responses, one is a connection reset and ten are a 503. */
const giveTrouble = (request: IncomingMessage, response: ServerResponse): void => {
  const luck = next()
  if (luck < 0.01) {
    request.socket.resetAndDestroy()
    return
  }
  if (luck >= 0.11) return giveJson(response)
  response.writeHead(503, ["content-type", "text/plain", "content-length", "4"])
  response.end("busy")
}

const giveBytes = (response: ServerResponse, size: number): void => {
  response.writeHead(200, ["content-type", "application/octet-stream", "content-length", String(size)])
  let left = size
  const more = (): void => {
    while (left > 0) {
      const piece = left < chunk.length ? chunk.subarray(0, left) : chunk
      left -= piece.length
      if (!response.write(piece) && left > 0) {
        response.once("drain", more)
        return
      }
    }
    response.end()
  }
  more()
}

const takeBytes = (request: IncomingMessage, response: ServerResponse): void => {
  let bytes = 0
  request.on("data", (piece: Buffer) => (bytes += piece.length))
  request.on("end", () => response.end(JSON.stringify({ bytes })))
}

const server = createServer((request, response) => {
  requests++
  const url = request.url ?? "/"
  if (url === "/json") return giveJson(response)
  if (url === "/trouble") return giveTrouble(request, response)
  if (url === "/held") return void held.push(response)
  if (url === "/sink") return takeBytes(request, response)
  if (url.startsWith("/events/")) return giveEvents(response, url)
  if (url.startsWith("/pages/")) return givePage(response, url)
  if (url.startsWith("/bytes/")) return giveBytes(response, Number(url.slice("/bytes/".length)))
  if (url === "/idle") return giveFirstEvent(response)
  response.writeHead(404)
  response.end()
})
server.on("connection", () => connections++)
// The server closes no idle connection during a measurement. Clients may close theirs.
server.keepAliveTimeout = 3_600_000
server.requestTimeout = 0
server.headersTimeout = 0
server.timeout = 0

const methods = {
  listen: (): Promise<number> =>
    new Promise((resolve) => {
      server.listen({ port: 0, host: "127.0.0.1", backlog: 16_384 }, () =>
        // The address of a listening TCP server has a port.
        resolve((server.address() as AddressInfo).port)
      )
    }),
  /** Resets the counts, and restarts the sequence of failures. */
  reset: (): void => {
    requests = 0
    connections = 0
    chance = 1
  },
  counts: () => {
    const { system, user } = process.cpuUsage()
    return { requests, connections, cpuMicros: user + system }
  },
  held: (): number => held.length,
  /** Answers all held requests, including those that arrive meanwhile. */
  release: (): void => {
    const now = held
    held = []
    for (const response of now) giveJson(response)
  }
}

/** The methods of the server's process. */
export type Server = typeof methods

answer(methods)
