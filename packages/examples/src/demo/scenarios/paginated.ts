import * as Auth from "@countersign/client/Auth"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Paginate from "@countersign/client/Paginate"
import * as Timeline from "@countersign/client/Timeline"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Scenario } from "../Scenario.js"
import { errorOf, sendsOf } from "../Scenario.js"
import { Target } from "../Target.js"

const Numbers = Schema.Array(Schema.Number)

const list = (api: ApiClient.ApiClient, path: string) =>
  Paginate.items(api, `/countersign/pages/link?${path}`, { schema: Numbers, next: Paginate.link(), prefetch: true })

/** A hundred pages. Page 50 is a 503 the first time. */
const hundred = (api: ApiClient.ApiClient) =>
  Effect.gen(function* () {
    const { events, exit } = yield* Timeline.record(Stream.runCollect(list(api, "pages=100&size=5&broken=50")))
    const items = Chunk.toReadonlyArray(yield* exit)
    return {
      items: items.length,
      inOrder: items.every((item, index) => item === index + 1),
      sends: sendsOf(events)
    }
  })

const endless = (api: ApiClient.ApiClient, path: string) =>
  Effect.gen(function* () {
    const { events, exit } = yield* Timeline.record(errorOf(Stream.runDrain(list(api, path))))
    const error = yield* exit
    return {
      error: error?._tag,
      reason: error !== undefined && "reason" in error && error.reason,
      sends: sendsOf(events)
    }
  })

export const paginated: Scenario = {
  name: "paginated",
  title: "Reads a hundred pages, one of them twice, and stops at a circle and at a link to another host",
  run: Effect.gen(function* () {
    const { embedded } = yield* Target
    const api = yield* ApiClient.make({ baseUrl: embedded.baseUrl, auth: Auth.none })
    const all = yield* hundred(api)
    const circle = yield* endless(api, "circle=3")
    const foreign = yield* endless(api, "foreign=2")
    return {
      ok:
        all.items === 500 &&
        all.inOrder &&
        all.sends === 101 &&
        circle.reason === "Circle" &&
        foreign.error === "InvalidRequest" &&
        foreign.sends === 2,
      observed: { all, circle, foreign }
    }
  })
}
