/** Types of the option `cache`. */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import type * as Errors from "@countersign/client/Errors"
import * as HttpCache from "@countersign/client/HttpCache"
import type * as Effect from "effect/Effect"
import { describe, expectTypeOf, it } from "vitest"

const baseUrl = "https://api.example.com"

describe("HttpCache types", () => {
  it("add neither errors nor services to a client", () => {
    const _made = () => ({
      without: ApiClient.make({ baseUrl, auth: Auth.none }),
      cached: ApiClient.make({ baseUrl, auth: Auth.none, cache: HttpCache.memory() })
    })
    type Made = ReturnType<typeof _made>
    expectTypeOf<Made["cached"]>().toEqualTypeOf<Made["without"]>()
    expectTypeOf<Effect.Effect.Context<Made["cached"]>>().toEqualTypeOf<HttpClient.HttpClient>()
    expectTypeOf<Effect.Effect.Error<Made["cached"]>>().toEqualTypeOf<Errors.InvalidRequest>()
  })

  it("require a KeyValueStore and an account for a persistent cache", () => {
    expectTypeOf(HttpCache.makePersistent).returns.toEqualTypeOf<
      Effect.Effect<HttpCache.HttpCache, never, KeyValueStore.KeyValueStore>
    >()
    // @ts-expect-error the account is missing
    const missing = () => HttpCache.makePersistent({})
    expectTypeOf(missing).toBeFunction()
  })

  it("reject unknown options", () => {
    const wrong = () => [
      // @ts-expect-error the option is maxBytes
      HttpCache.memory({ maxbytes: 1 }),
      // @ts-expect-error maxBytes is an option of the cache in memory
      HttpCache.makePersistent({ account: "a", maxBytes: 1 }),
      // @ts-expect-error the option is a value, no object of options
      ApiClient.make({ baseUrl, auth: Auth.none, cache: { maxBytes: 1 } })
    ]
    expectTypeOf(wrong).toBeFunction()
  })
})
