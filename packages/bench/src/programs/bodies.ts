/** Streams bodies in chunks without buffering them: `bodies CLIENT ORIGIN`. */
import * as Auth from "@countersign/client/Auth"
import * as ApiClient from "@countersign/client/ApiClient"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import { Readable } from "node:stream"
import { Agent, request } from "undici"
import { answer } from "../Remote.js"

const [, , client, origin = ""] = process.argv

/** Returns the number of bytes received or sent. */
type Transfer = (size: number) => Promise<number>

const piece = new Uint8Array(64 * 1024)

/** Chunks that add up to the size. */
function* piecesOf(size: number): Generator<Uint8Array> {
  for (let left = size; left > 0; left -= piece.length) yield left < piece.length ? piece.subarray(0, left) : piece
}

const dispatcher = new Agent()

const rawDownload: Transfer = async (size) => {
  const { body } = await request(`${origin}/bytes/${size}`, { dispatcher })
  let bytes = 0
  // undici's body yields buffers if no encoding is set.
  for await (const chunk of body) bytes += (chunk as Buffer).length
  return bytes
}

const bytesOf = (json: unknown): number =>
  typeof json === "object" && json !== null && "bytes" in json ? Number(json.bytes) : Number.NaN

const rawUpload: Transfer = async (size) => {
  const body = Readable.from(piecesOf(size), { objectMode: false })
  const answered = await request(`${origin}/sink`, { dispatcher, method: "POST", body })
  return bytesOf(await answered.body.json())
}

class Api extends ApiClient.Tag("bench/Api")<Api>() {}

const runtime = ManagedRuntime.make(
  Api.layer({ baseUrl: origin, auth: Auth.none }).pipe(Layer.provide(NodeTransport.layer))
)

const download: Transfer = (size) =>
  Api.pipe(
    Effect.flatMap((api) => api.execute(HttpClientRequest.get(`/bytes/${size}`))),
    Effect.flatMap(({ stream }) => Stream.runFold(stream, 0, (bytes, chunk) => bytes + chunk.length)),
    (effect) => runtime.runPromise(effect)
  )

const upload: Transfer = (size) =>
  Api.pipe(
    Effect.flatMap((api) => api.post("/sink", { body: HttpBody.stream(Stream.fromIterable(piecesOf(size))) })),
    Effect.flatMap(({ json }) => json),
    Effect.map(bytesOf),
    (effect) => runtime.runPromise(effect)
  )

const transfers = client === "ours" ? { download, upload } : { download: rawDownload, upload: rawUpload }

/** A measurement with bodies of one size, one after the other. */
export interface Work {
  readonly direction: "download" | "upload"
  readonly size: number
  readonly times: number
}

const measure = async ({ direction, size, times }: Work) => {
  const transfer = transfers[direction]
  for (let number = 0; number < 50; number++) await transfer(1024)
  const begun = performance.now()
  for (let number = 0; number < times; number++) {
    const bytes = await transfer(size)
    if (bytes !== size) throw new Error(`${direction} of ${size} bytes: ${bytes} came`)
  }
  const seconds = (performance.now() - begun) / 1000
  // Peak resident memory by the kernel, in KiB.
  return { seconds, peakBytes: process.resourceUsage().maxRSS * 1024 }
}

const methods = { measure }

/** The methods of the process. */
export type Bodies = typeof methods

answer(methods)
