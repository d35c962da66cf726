/** Large bodies: as a stream, in a file, and from a file. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as Download from "@countersign/node/Download"
import * as FileBody from "@countersign/node/FileBody"
import * as Progress from "@countersign/node/Progress"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

export class Api extends ApiClient.Tag("app/Api")<Api>() {}

export const ApiLive = Api.layer({ baseUrl: "http://httpbin.test", auth: Auth.none })

// #region stream
export const program = Effect.gen(function* () {
  const api = yield* Api
  const { stream } = yield* api.open("/stream-bytes/100000")
  const bytes = yield* Stream.runFold(stream, 0, (sum, chunk) => sum + chunk.length)
  yield* Console.log(`${bytes} bytes, never held at once`)
}).pipe(Effect.scoped)
// #endregion

// #region file
export const downloadExport = (path: string) =>
  Effect.gen(function* () {
    const api = yield* Api
    const onProgress = yield* Progress.bar({ label: "export.csv" })
    const done = yield* Download.toFile(api, "/export.csv", path, { onProgress, maxBytes: 10 * 1024 ** 3 })
    yield* Console.log(`${done.bytes} bytes, of which ${done.resumedFrom} are of an earlier run`)
  }).pipe(Effect.scoped)
// #endregion

// #region verify
export const downloadRelease = (path: string, sha256: string) =>
  Effect.gen(function* () {
    const api = yield* Api
    const { verified } = yield* Download.toFile(api, "/releases/{version}", path, {
      path: { version: "1.2.3" },
      digest: { algorithm: "sha256", hex: sha256 },
      mode: 0o755
    })
    yield* Console.log(`verified by ${verified}`)
  })
// #endregion

// #region errors
export const downloadLater = (path: string) =>
  downloadExport(path).pipe(
    Effect.catchTag("DownloadError", (error) => {
      if (error.reason === "Locked") return Console.log("Another process downloads it.")
      if (error.code === "ENOSPC") return Console.log("The disk is full. The next run continues.")
      return Effect.fail(error)
    })
  )
// #endregion

// #region upload
export const uploadReport = (path: string) =>
  Effect.gen(function* () {
    const api = yield* Api
    const onProgress = yield* Progress.bar({ label: "report.pdf" })
    const body = yield* FileBody.make(path, { contentType: "application/pdf", onProgress })
    const { status } = yield* api.put("/reports/42", { body, timeout: { call: "1 hour", exchange: "30 minutes" } })
    yield* Console.log(`uploaded: ${status}`)
  }).pipe(Effect.scoped)
// #endregion

// #region pages
export const countPages = (pages: Stream.Stream<unknown>) =>
  Effect.gen(function* () {
    const onProgress = yield* Progress.bar({ label: "issues", unit: "pages" })
    let count = 0
    yield* Stream.runForEach(pages, () => onProgress({ count: ++count }))
  }).pipe(Effect.scoped)
// #endregion
