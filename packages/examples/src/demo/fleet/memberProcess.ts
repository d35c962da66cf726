/** One of the processes that share a token and a throttle in Redis. It sends the events of its calls to its parent. */
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Timeline from "@countersign/client/Timeline"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as RedisClient from "@countersign/redis/RedisClient"
import * as RedisRateLimit from "@countersign/redis/RedisRateLimit"
import * as RedisTokenStore from "@countersign/redis/RedisTokenStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"

/** First message of the parent: the servers, and the part of this process. */
export interface Membership {
  readonly issuer: string
  readonly apiUrl: string
  readonly redisUrl: string
  /** Text before each name in Redis. */
  readonly prefix: string
  /** Whether this process calls the endpoint that responds with 429. */
  readonly meetsLimit: boolean
}

/** Messages of a process: it is ready, it has made its first calls, an event of a call, and the result of all calls. */
export type Report =
  | { readonly kind: "ready" }
  | { readonly kind: "called" }
  | { readonly kind: "event"; readonly event: Timeline.Event }
  | { readonly kind: "done"; readonly statuses: ReadonlyArray<number>; readonly error?: string }

class Api extends ApiClient.Tag("demo/Fleet")<Api, TokenSourceError>() {}

const apiLayer = ({ apiUrl, issuer, prefix, redisUrl }: Membership) => {
  const RedisLive = RedisClient.layer({ url: Redacted.make(redisUrl) })
  const auth = ClientCredentials.layer({
    issuer,
    clientId: "client",
    clientSecret: Redacted.make("secret"),
    transport: OAuth2.dangerouslyAllowHttpOnLoopback
  }).pipe(Layer.provide(RedisTokenStore.layer({ prefix: `${prefix}token:` })))
  const rateLimit = RedisRateLimit.layerThrottle({ prefix: `${prefix}throttle:` })
  return Api.layer({ baseUrl: apiUrl, auth, rateLimit }).pipe(Layer.provide(RedisLive))
}

const tell = (report: Report): void => void process.send?.(report)

/** The next message of the parent. */
const nextMessage = Effect.async<unknown>((resume) => {
  process.once("message", (message) => resume(Effect.succeed(message)))
})

const limited = "/countersign/retry-after/seconds?times=1&amount=1&key=fleet"

/** Calls the API a few times, and again when all processes have done so. */
const calls = ({ meetsLimit }: Membership) =>
  Effect.gen(function* () {
    const api = yield* Api
    const statuses: Array<number> = []
    const call = (path: string) =>
      Effect.zipLeft(
        Effect.map(api.get(path), ({ status }) => statuses.push(status)),
        Effect.sleep("60 millis")
      )
    yield* Effect.repeatN(call("/bearer"), 1)
    tell({ kind: "called" })
    yield* nextMessage
    if (meetsLimit) yield* call(limited)
    yield* Effect.repeatN(call("/bearer"), 4)
    return statuses
  })

const program = (membership: Membership) =>
  calls(membership).pipe(
    Effect.provide(apiLayer(membership)),
    Effect.provide(NodeTransport.layer),
    Timeline.observe((event) => tell({ kind: "event", event })),
    Effect.match({
      onFailure: ({ message }): Report => ({ kind: "done", statuses: [], error: message }),
      onSuccess: (statuses): Report => ({ kind: "done", statuses })
    })
  )

// The only messages are those of the parent.
process.once("message", (membership) => {
  // The parent of this program sends a `Membership` first.
  void Effect.runPromise(program(membership as Membership)).then((report) => {
    tell(report)
    process.disconnect()
  })
})
tell({ kind: "ready" })
