import * as Auth from "@countersign/client/Auth"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Timeline from "@countersign/client/Timeline"
import * as Download from "@countersign/node/Download"
import * as FileServer from "@countersign/testing/FileServer"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { createHash } from "node:crypto"
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import type { Scenario } from "../Scenario.js"
import { sendsOf } from "../Scenario.js"
import { temporaryFolder } from "../temporaryFolder.js"

const size = 2_000_000

const content = Buffer.alloc(size, "Countersign ")

const hex = createHash("sha256").update(content).digest("hex")

const namesIn = (folder: string) => Effect.promise(() => readdir(folder))

export const downloadResumed: Scenario = {
  name: "download-resumed",
  title: "Continues a download that was stopped in the middle and then cut, and verifies the file",
  run: Effect.gen(function* () {
    const server = yield* FileServer.make()
    yield* server.set("/report.bin", { content })
    const api = yield* ApiClient.make({ baseUrl: server.baseUrl, auth: Auth.none })
    const folder = yield* temporaryFolder
    const path = join(folder, "report.bin")

    const stopped = yield* Effect.exit(
      Download.toFile(api, "/report.bin", path, {
        onProgress: ({ bytes }) => (bytes > size / 4 ? Effect.interrupt : Effect.void)
      })
    )
    const afterStop = yield* namesIn(folder)

    yield* server.fail("/report.bin", { cutAfter: 500_000 })
    const { events, exit } = yield* Timeline.record(
      Download.toFile(api, "/report.bin", path, { digest: { algorithm: "sha256", hex } })
    )
    const { bytes, resumedFrom } = yield* exit
    const isWhole = content.equals(yield* Effect.promise(() => readFile(path)))
    return {
      ok:
        Exit.isInterrupted(stopped) &&
        !afterStop.includes("report.bin") &&
        resumedFrom > 0 &&
        bytes === size &&
        isWhole &&
        sendsOf(events) === 2,
      observed: { afterStop, resumedFrom: resumedFrom > 0, bytes, isWhole, sends: sendsOf(events) }
    }
  })
}
