import * as Bearer from "@countersign/auth/Bearer"
import type { Token } from "@countersign/auth/Token"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as Timeline from "@countersign/client/Timeline"
import * as Effect from "effect/Effect"
import * as Minting from "../Minting.js"
import type { Scenario } from "../Scenario.js"
import { client, sendsOf } from "../Scenario.js"
import { Target } from "../Target.js"

/** The stored token at the start: unexpired, but rejected by the embedded server; for httpbin, expired. */
const stale = (token: Token, isEmbedded: boolean): Token =>
  isEmbedded ? token : { ...token, receivedAt: token.receivedAt - 7200_000, expiresAt: token.receivedAt - 3600_000 }

export const tokenRefreshed: Scenario = {
  name: "token-refreshed",
  title: "Refreshes an expired or rejected token once, and the request succeeds",
  run: Effect.gen(function* () {
    const { isEmbedded } = yield* Target
    const { count, mint } = yield* Minting.counted
    const store = yield* TokenStore.TokenStore
    yield* store.compareAndSet("demo", 0, stale(yield* mint, isEmbedded))
    const mintedBefore = count()

    const source = yield* TokenSource.make({ key: "demo", acquireToken: () => mint })
    const api = yield* client({ auth: Bearer.fromSource(source) })
    const { events, exit } = yield* Timeline.record(
      api.get(isEmbedded ? "/countersign/bearer?refuse=1&key=demo" : "/bearer")
    )
    const { status } = yield* exit
    const mints = count() - mintedBefore
    const sends = sendsOf(events)
    const replays = events.filter(({ _tag }) => _tag === "CredentialsRefreshed").length
    return {
      ok: status === 200 && mints === 1 && (isEmbedded ? sends === 2 && replays === 1 : sends === 1),
      observed: { status, mints, sends, replays }
    }
  }).pipe(Effect.provide(TokenStore.layerMemory))
}
