/** Streams bodies in chunks without buffering them: `bodies CLIENT ORIGIN`. */
import * as Auth from "@countersign/client/Auth"
import * as ApiClient from "@countersign/client/ApiClient"
import type { OpenResponse } from "@countersign/client/OpenResponse"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as IterableBody from "@countersign/client/IterableBody"
import * as HttpBody from "@effect/platform/HttpBody"
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

/** Opens a body and counts its bytes. */
const download =
  (count: (opened: OpenResponse) => Effect.Effect<number, unknown>): Transfer =>
  (size) =>
    Api.pipe(
      Effect.flatMap((api) => api.open(`/bytes/${size}`)),
      Effect.flatMap(count),
      Effect.scoped,
      (effect) => runtime.runPromise(effect)
    )

const upload =
  (bodyOf: (size: number) => HttpBody.HttpBody): Transfer =>
  (size) =>
    Api.pipe(
      Effect.flatMap((api) => api.post("/sink", { body: bodyOf(size) })),
      Effect.flatMap(({ json }) => json),
      Effect.map(bytesOf),
      (effect) => runtime.runPromise(effect)
    )

const countPieces = ({ forEach }: OpenResponse) =>
  Effect.suspend(() => {
    let bytes = 0
    const counted = forEach((piece) => Effect.sync(() => (bytes += piece.length)))
    return Effect.map(counted, () => bytes)
  })

const clients = {
  "undici.request": { download: rawDownload, upload: rawUpload },
  ours: {
    download: download(countPieces),
    upload: upload((size) => IterableBody.make(() => piecesOf(size)))
  },
  "ours, Stream": {
    download: download(({ stream }) => Stream.runFold(stream, 0, (bytes, chunk) => bytes + chunk.length)),
    upload: upload((size) => HttpBody.stream(Stream.fromIterable(piecesOf(size))))
  }
}

/** The names of the clients: `ours` reads by `forEach` and sends an iterable. */
export type Name = keyof typeof clients

// The section passes one of the names.
const transfers = clients[client as Name]

/** A measurement with bodies of one size, one after the other. */
export interface Work {
  readonly direction: "download" | "upload"
  readonly size: number
  readonly times: number
}

const measure = async ({ direction, size, times }: Work) => {
  const transfer = transfers[direction]
  const begun = performance.now()
  for (let number = 0; number < times; number++) {
    const bytes = await transfer(size)
    if (bytes !== size) throw new Error(`${direction} of ${size} bytes: ${bytes} came`)
  }
  const seconds = (performance.now() - begun) / 1000
  // Peak resident memory by the kernel, in KiB.
  return { seconds, peakBytes: process.resourceUsage().maxRSS * 1024 }
}

/** Runs both directions until their code is compiled. */
const warmUp = async (): Promise<void> => {
  for (let number = 0; number < 2000; number++) {
    await transfers.download(1024)
    await transfers.upload(1024)
  }
}

const methods = { measure, warmUp }

/** The methods of the process. */
export type Bodies = typeof methods

answer(methods)
