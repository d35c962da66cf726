// Downloads `/file` of the server to the path, and prints the number of bytes after each part. Prints "done", or the reason of
// its error.
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as Download from "@countersign/node/Download"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as Effect from "effect/Effect"

const [baseUrl = "", path = "", lockTimeout = "0"] = process.argv.slice(2)

const print = (text: string) => Effect.sync(() => void process.stdout.write(`${text}\n`))

const program = Effect.gen(function* () {
  const api = yield* ApiClient.make({ baseUrl, auth: Auth.none })
  yield* Download.toFile(api, "/file", path, {
    onProgress: ({ bytes }) => print(String(bytes)),
    lockTimeout: Number(lockTimeout)
  })
  yield* print("done")
}).pipe(
  Effect.catchTag("DownloadError", ({ reason }) => print(reason)),
  Effect.provide(NodeTransport.layer)
)
await Effect.runPromise(program)
