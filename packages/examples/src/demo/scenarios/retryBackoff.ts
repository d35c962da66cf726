import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as Retry from "@countersign/client/Retry"
import * as Timeline from "@countersign/client/Timeline"
import * as Effect from "effect/Effect"
import { createServer } from "node:net"
import type { Scenario } from "../Scenario.js"
import { client, errorOf, sendsOf, waitsOf } from "../Scenario.js"

const base = 100
const retry = Retry.exponential({ times: 2, baseDelay: base })

const unavailable = Effect.gen(function* () {
  const api = yield* client({ auth: Auth.none, retry })
  const { events, exit } = yield* Timeline.record(errorOf(api.get("/status/503")))
  return { error: (yield* exit)?._tag, sends: sendsOf(events), waits: waitsOf(events) }
})

/** A port without a listener: it was free a moment ago. */
const deadPort = Effect.async<number>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})

const unreachable = Effect.gen(function* () {
  const api = yield* ApiClient.make({ baseUrl: `http://127.0.0.1:${yield* deadPort}`, auth: Auth.none, retry })
  const error = yield* errorOf(api.get("/"))
  return { error: error?._tag, reason: error?._tag === "TransportError" ? error.reason : undefined }
})

const slow = Effect.gen(function* () {
  const api = yield* client({ auth: Auth.none, retry: false, timeout: { exchange: "300 millis" } })
  const error = yield* errorOf(api.get("/delay/3"))
  return { error: error?._tag, scope: error?._tag === "Timeout" ? error.scope : undefined }
})

export const retryBackoff: Scenario = {
  name: "retry-backoff",
  title: "Retries with exponential backoff and jitter; reports a closed port and a timeout",
  run: Effect.map(Effect.all([unavailable, unreachable, slow]), ([busy, dead, late]) => ({
    ok:
      busy.error === "Unavailable" &&
      busy.sends === 3 &&
      busy.waits.length === 2 &&
      busy.waits.every((wait, n) => wait <= base * 2 ** n) &&
      dead.error === "TransportError" &&
      late.error === "Timeout",
    observed: { busy, dead, late }
  }))
}
