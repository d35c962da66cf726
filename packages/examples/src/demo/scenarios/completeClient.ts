import type { TokenSourceError } from "@countersign/auth/Errors"
import * as Bearer from "@countersign/auth/Bearer"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Retry from "@countersign/client/Retry"
import * as Timeline from "@countersign/client/Timeline"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Minting from "../Minting.js"
import type { Scenario } from "../Scenario.js"
import { errorOf, sendsOf } from "../Scenario.js"
import { Target } from "../Target.js"

class Api extends ApiClient.Tag("demo/CompleteClient")<Api, TokenSourceError>() {}

const failing = (path: string, mints: () => number) =>
  Effect.gen(function* () {
    const api = yield* Api
    const before = mints()
    const { events, exit } = yield* Timeline.record(errorOf(api.get(path)))
    return { error: (yield* exit)?._tag, sends: sendsOf(events), mints: mints() - before }
  })

const scenario = (mints: () => number) =>
  Effect.gen(function* () {
    const api = yield* Api
    const { status } = yield* api.get("/get")
    const unauthorized = yield* failing("/status/401", mints)
    const limited = yield* failing("/status/429", mints)
    const broken = yield* failing("/status/500", mints)
    return {
      ok:
        status === 200 &&
        // One new token and one replay, no more: a server that rejects a new token rejects the next one, too.
        unauthorized.error === "Unauthorized" &&
        unauthorized.sends === 2 &&
        unauthorized.mints === 1 &&
        limited.error === "RateLimited" &&
        limited.sends === 3 &&
        broken.error === "Unavailable" &&
        broken.sends === 3,
      observed: { get: status, "401": unauthorized, "429": limited, "500": broken }
    }
  })

export const completeClient: Scenario = {
  name: "complete-client",
  title: "The complete client: base URL, tokens, and a typed error for each status",
  run: Effect.gen(function* () {
    const { baseUrl } = yield* Target
    const { count, mint } = yield* Minting.counted
    const retry = Retry.exponential({ times: 2, throttledBaseDelay: "200 millis" })
    return yield* Effect.provide(
      scenario(count),
      Api.layer({ baseUrl, retry, auth: Bearer.layerCustom({ key: "demo", acquireToken: () => mint }) }).pipe(
        Layer.provide(TokenStore.layerMemory)
      )
    )
  })
}
