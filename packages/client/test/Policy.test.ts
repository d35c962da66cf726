import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Policy from "@countersign/client/Policy"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { get, run, transport } from "./support/mockApi.js"

const loggingPolicy = (name: string, log: Array<string>) =>
  Policy.make((request, next) =>
    Effect.sync(() => log.push(`> ${name}`)).pipe(
      Effect.zipRight(next(HttpClientRequest.setHeader(request, "x-by", name))),
      Effect.tap(() => Effect.sync(() => log.push(`< ${name}`)))
    )
  )

describe("Policy.make", () => {
  it.effect("makes the last policy of a pipe the outermost, which handles the request first", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport([MockClient.respond(200)])
      const log: Array<string> = []
      yield* run(client.pipe(loggingPolicy("inner", log), loggingPolicy("outer", log)).execute(get()))
      expect(log).toEqual(["> outer", "> inner", "< inner", "< outer"])
      expect((yield* mock.sent)[0]?.headers["x-by"]).toBe("inner")
    })
  )

  it.effect("may call next never or repeatedly and determines the response", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport((_, index) => MockClient.respond(200, String(index)))
      const twice = Policy.make((request, next) => Effect.zipRight(next(request), next(request)))
      const never = Policy.make<"no">(() => Effect.fail("no" as const))
      expect(yield* (yield* run(twice(twice(client)).execute(get()))).text).toBe("3")
      expect(yield* Effect.flip(run(never(client).execute(get())))).toBe("no")
      expect(yield* mock.sent).toHaveLength(4)
    })
  )

  it.effect("runs again each time the effect runs", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* transport(() => MockClient.respond(200))
      const log: Array<string> = []
      const once = loggingPolicy("p", log)(client).execute(get())
      yield* run(Effect.zipRight(once, once))
      expect(log).toHaveLength(4)
      expect(yield* mock.sent).toHaveLength(2)
    })
  )
})
