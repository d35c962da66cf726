import * as Spotify from "@countersign/auth/providers/Spotify"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { clientSecret, granted, withFakeProvider, refreshing, signIn } from "../support/fakeProvider.js"

describe("Spotify", () => {
  it.effect("keeps the refresh token if the refresh response omits it", () =>
    Effect.gen(function* () {
      const { posts, within } = yield* withFakeProvider(() => MockClient.respond(200, granted))
      const token = yield* within(refreshing(Spotify.app({ clientId: "c", clientSecret })))
      expect(token.refreshToken && Redacted.value(token.refreshToken)).toBe("canary-refresh-1")
      const [sent] = yield* posts
      expect(sent?.url).toBe("https://accounts.spotify.com/api/token")
      expect(sent?.headers["authorization"]).toBe(`Basic ${btoa("c:canary-secret")}`)
    })
  )

  it.effect("signs in with only the client id for a client without a secret", () =>
    Effect.gen(function* () {
      const { forms, within } = yield* withFakeProvider(() => MockClient.respond(200, granted))
      const { end, page } = yield* within(signIn(Spotify.app({ clientId: "c" })))
      expect(page.origin + page.pathname).toBe("https://accounts.spotify.com/authorize")
      yield* end
      expect(yield* forms).toMatchObject([{ client_id: "c" }])
    })
  )
})
