/** Downloads to a file and uploads of a file: `files CLIENT ORIGIN FOLDER`. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as Download from "@countersign/node/Download"
import * as FileBody from "@countersign/node/FileBody"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { createReadStream, createWriteStream } from "node:fs"
import { rm, stat, truncate, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Agent, request, stream } from "undici"
import { answer } from "../Remote.js"

const [, , client, origin = "", folder = ""] = process.argv

const downloaded = join(folder, "downloaded")
const sent = join(folder, "sent")

/** Returns the number of bytes received or sent. */
type Transfer = (size: number) => Promise<number>

const dispatcher = new Agent()

const rawDownload: Transfer = async (size) => {
  await stream(`${origin}/bytes/${size}`, { dispatcher, method: "GET" }, () => createWriteStream(downloaded))
  return (await stat(downloaded)).size
}

const bytesOf = (json: unknown): number =>
  typeof json === "object" && json !== null && "bytes" in json ? Number(json.bytes) : Number.NaN

const rawUpload: Transfer = async (size) => {
  const body = createReadStream(sent)
  const headers = { "content-length": String(size) }
  const answered = await request(`${origin}/sink`, { dispatcher, method: "PUT", headers, body })
  return bytesOf(await answered.body.json())
}

class Api extends ApiClient.Tag("bench/Api")<Api>() {}

const timeout = { call: false, exchange: false } as const

const runtime = ManagedRuntime.make(
  Api.layer({ baseUrl: origin, auth: Auth.none, timeout }).pipe(Layer.provide(NodeTransport.layer))
)

const download: Transfer = (size) =>
  Api.pipe(
    Effect.flatMap((api) => Download.toFile(api, `/bytes/${size}`, downloaded)),
    Effect.map(({ bytes }) => bytes),
    (effect) => runtime.runPromise(effect)
  )

const upload: Transfer = () =>
  Effect.gen(function* () {
    const api = yield* Api
    const response = yield* api.put("/sink", { body: yield* FileBody.make(sent) })
    return bytesOf(yield* response.json)
  }).pipe((effect) => runtime.runPromise(effect))

const transfers = {
  download: client === "ours" ? download : rawDownload,
  upload: client === "ours" ? upload : rawUpload
}

/** One measurement. */
export interface Measurement {
  readonly direction: "download" | "upload"
  readonly size: number
}

const methods = {
  /** Seconds for one transfer, and the most memory that the process had meanwhile above its memory before. */
  measure: async ({ direction, size }: Measurement) => {
    const transfer = transfers[direction]
    await rm(downloaded, { force: true })
    if (direction === "upload") {
      await writeFile(sent, "")
      await truncate(sent, size)
    }
    await rm(downloaded, { force: true })
    const before = process.memoryUsage.rss()
    let peak = before
    const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 5)
    const begun = performance.now()
    const bytes = await transfer(size)
    const seconds = (performance.now() - begun) / 1000
    clearInterval(timer)
    if (bytes !== size) throw new Error(`${bytes} of ${size} bytes were transferred`)
    return { seconds, grownBytes: peak - before }
  }
}

/** The methods of the program. */
export type Files = typeof methods

answer(methods)
