import type { TokenSourceError } from "@countersign/auth/Errors"
import * as Bearer from "@countersign/auth/Bearer"
import * as ApiClient from "@countersign/client/ApiClient"
import * as FileTokenStore from "@countersign/node/FileTokenStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { join } from "node:path"
import * as Minting from "../Minting.js"
import type { Scenario } from "../Scenario.js"
import { Target } from "../Target.js"
import { temporaryFolder } from "../temporaryFolder.js"

class Api extends ApiClient.Tag("demo/TokenStored")<Api, TokenSourceError>() {}

const Answer = Schema.Struct({ authenticated: Schema.Boolean, token: Schema.String })

export const tokenStored: Scenario = {
  name: "token-stored",
  title: "A token is kept in a file with its expiry: the next run uses it and mints none",
  run: Effect.gen(function* () {
    const { baseUrl } = yield* Target
    const { count, mint } = yield* Minting.counted
    const path = join(yield* temporaryFolder, "tokens.json")
    // Each run builds everything anew, as another process would: only the file is the same.
    const oneRun = Effect.gen(function* () {
      const api = yield* Api
      return yield* api.get("/bearer", { schema: Answer })
    }).pipe(
      Effect.provide(
        Api.layer({ baseUrl, auth: Bearer.layerCustom({ key: "demo", acquireToken: () => mint }) }).pipe(
          Layer.provide(FileTokenStore.layer({ path })),
          Layer.fresh
        )
      )
    )
    const first = yield* oneRun
    const second = yield* oneRun
    const sameToken = first.token === second.token
    return {
      ok: first.authenticated && second.authenticated && sameToken && count() === 1,
      observed: { runs: 2, mints: count(), sameToken }
    }
  })
}
