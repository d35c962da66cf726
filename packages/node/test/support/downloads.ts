import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as Retry from "@countersign/client/Retry"
import * as Download from "@countersign/node/Download"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as FileServer from "@countersign/testing/FileServer"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { randomBytes } from "node:crypto"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { certificates } from "./certificates.js"
import { folder, namesIn } from "./folder.js"

/** Retries without a wait. */
export const retry = Retry.exponential({ times: 2, baseDelay: "1 millis" })

/** The transports of the tests, with a server for each. Undefined without certificates. */
export const protocols: ReadonlyArray<
  readonly [name: string, layer: Layer.Layer<FileServer.FileServer | HttpClient.HttpClient> | undefined]
> = [
  ["HTTP/1.1", Layer.merge(NodeTransport.layer, Layer.orDie(FileServer.layer))],
  [
    "HTTP/2",
    certificates &&
      Layer.merge(
        NodeTransport.layerWith({ allowH2: true, tls: { ca: certificates.ca } }),
        Layer.orDie(FileServer.layerWith({ tls: certificates.server }))
      )
  ]
]

/** A file server with `/file`, a client of it, and an empty folder for the download. */
export const setUp = (content: Uint8Array = randomBytes(300_000), file: Partial<FileServer.File> = {}) =>
  Effect.gen(function* () {
    const server = yield* FileServer.FileServer
    yield* server.set("/file", { content, ...file })
    const api = yield* ApiClient.make({ baseUrl: server.baseUrl, auth: Auth.none, retry })
    const target = yield* folder
    const path = join(target, "file")
    return {
      api,
      content,
      path,
      server,
      /** Downloads the file. */
      download: (options: Download.Options = {}) => Download.toFile(api, "/file", path, options),
      /** Replaces the content of the file at the server. */
      replace: (bytes: Uint8Array, changed: Partial<FileServer.File> = {}) =>
        server.set("/file", { content: bytes, ...file, ...changed }),
      names: () => namesIn(target),
      /** The downloaded file. Undefined before it exists. */
      stored: () => (existsSync(path) ? readFileSync(path) : undefined),
      /** The bytes of the partial file. */
      part: () => (existsSync(`${path}.part`) ? readFileSync(`${path}.part`) : undefined),
      /** The fields `range` of the requests. */
      ranges: Effect.map(server.requests, (requests) => requests.map(({ headers }) => headers["range"]))
    }
  })
