import * as Basic from "@countersign/auth/Basic"
import * as Digest from "@countersign/auth/Digest"
import * as Auth from "@countersign/client/Auth"
import * as Timeline from "@countersign/client/Timeline"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Scenario } from "../Scenario.js"
import { client, errorOf, sendsOf } from "../Scenario.js"

const account = { username: "user", password: Redacted.make("pass") }

const path = "/digest-auth/auth/user/pass/SHA-256"

/** Two calls: one request without credentials, and a signed one for each call. */
const signed = Effect.gen(function* () {
  const api = yield* client({ auth: Digest.make(account) })
  const { events, exit } = yield* Timeline.record(Effect.zipRight(api.get(path), api.get(path)))
  yield* exit
  return sendsOf(events)
})

const wrong = Effect.gen(function* () {
  const api = yield* client({ auth: Digest.make({ ...account, password: Redacted.make("wrong") }) })
  const { events, exit } = yield* Timeline.record(errorOf(api.get(path)))
  return { error: (yield* exit)?._tag, sends: sendsOf(events) }
})

/** The same credentials where the server wants Digest, and where it wants Basic. */
const chosen = Effect.gen(function* () {
  const auth = Auth.negotiate([Digest.make(account), Basic.make(account)])
  const api = yield* client({ auth })
  const { events, exit } = yield* Timeline.record(Effect.zipRight(api.get(path), api.get("/basic-auth/user/pass")))
  yield* exit
  return sendsOf(events)
})

export const digestAuth: Scenario = {
  name: "digest-auth",
  title: "Digest, which sends no password, and the scheme that the server asks for",
  run: Effect.map(Effect.all({ signed, wrong, chosen }), (observed) => ({
    ok:
      observed.signed === 3 &&
      observed.chosen === 4 &&
      observed.wrong.error === "Unauthorized" &&
      observed.wrong.sends === 2,
    observed
  }))
}
