/** Recorders over a mock transport and a file system in memory. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as MockClient from "@countersign/testing/MockClient"
import * as Recorder from "@countersign/testing/Recorder"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { makeFiles, type MemoryFiles } from "./memoryFiles.js"

export const file = "recordings/users.json"
export const origin = "https://api.test"

/** A recorder over a script. */
export const recorder = (
  script: MockClient.Script,
  options: Partial<Recorder.Options> = {},
  memory: MemoryFiles = makeFiles()
) =>
  Effect.gen(function* () {
    const transport = yield* MockClient.make(script)
    const client = yield* Recorder.make({ file, mode: "record", ...options }).pipe(
      Effect.provideService(HttpClient.HttpClient, transport.client),
      Effect.provideService(FileSystem.FileSystem, memory.service)
    )
    return { client, mock: transport.mock, memory, text: () => memory.files.get(file) ?? "" }
  })

/** Sends a request and reads the body of its response. */
export const send = (client: HttpClient.HttpClient, request: HttpClientRequest.HttpClientRequest) =>
  Effect.flatMap(client.execute(request), (response) =>
    Effect.map(response.text, (text) => ({ status: response.status, headers: response.headers, text, response }))
  )

/** Records requests with a script, and returns the text of the file. */
export const recorded = (
  script: MockClient.Script,
  requests: ReadonlyArray<HttpClientRequest.HttpClientRequest>,
  options: Partial<Recorder.Options> = {}
) =>
  Effect.gen(function* () {
    const { client, text } = yield* recorder(script, options)
    for (const request of requests) yield* send(client, request)
    return text()
  })

/** A recorder that replays a text. */
export const replaying = (text: string, options: Partial<Recorder.Options> = {}) =>
  recorder([], { mode: "replay", ...options }, makeFiles({ [file]: text }))

/** The defect of an effect, which must not have a typed error. */
export const defectOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(Effect.sandbox(effect)), (cause) => {
    if (Option.isSome(Cause.failureOption(cause))) throw new Error(`not a defect: ${Cause.pretty(cause)}`)
    // The recorder dies with an `Error`. Another value fails the assertions on it.
    return Option.getOrThrow(Cause.dieOption(cause)) as Error & { readonly code?: string }
  })
