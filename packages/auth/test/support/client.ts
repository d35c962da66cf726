import * as ApiClient from "@countersign/client/ApiClient"
import type * as Auth from "@countersign/client/Auth"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"

/** A client of `https://api.test` over scripted responses, with these credentials. */
export const clientOf = <E = never>(auth: Auth.Service<E>, script: MockClient.Script) =>
  Effect.gen(function* () {
    const { client, mock } = yield* MockClient.make(script)
    const api = yield* Effect.provideService(
      ApiClient.make({ baseUrl: "https://api.test", auth }),
      HttpClient.HttpClient,
      client
    )
    return { api, mock }
  })

export const ok: MockClient.Step = MockClient.respond(200, { ok: true })
