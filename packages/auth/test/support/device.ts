import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as DeviceCode from "@countersign/auth/DeviceCode"
import type { TokenError } from "@countersign/auth/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { issuer } from "./oauth.js"
import { runPendingWork } from "./pendingWork.js"
import { keys } from "./signIn.js"

export const options: DeviceCode.Options = {
  issuer,
  clientId: "client",
  clientAuthentication: ClientAuthentication.none,
  scopes: ["read"]
}

const metadata = {
  issuer,
  token_endpoint: `${issuer}/token`,
  device_authorization_endpoint: `${issuer}/device`,
  jwks_uri: `${issuer}/jwks`,
  id_token_signing_alg_values_supported: ["ES256"]
}

const code = {
  device_code: "canary-device",
  user_code: "WDJB-MJHT",
  verification_uri: "https://auth.test/go",
  verification_uri_complete: "https://auth.test/go?user_code=WDJB-MJHT",
  expires_in: 60,
  interval: 5
}

export const refusing = (error: string, more: object = {}) => MockClient.respond(400, { error, ...more })
export const pending = refusing("authorization_pending")
export const slow = refusing("slow_down")

interface World {
  readonly options?: Partial<DeviceCode.Options>
  readonly metadata?: object
  /** Changed members of the device authorization response. `undefined` removes a member. */
  readonly code?: object
  /** The whole device authorization response. */
  readonly device?: MockClient.Step
  /** The responses of the token endpoint in order, then `pending`. */
  readonly answers?: ReadonlyArray<MockClient.Step>
  /** The first responses to metadata requests and to JWK Set requests, in order. */
  readonly discovery?: ReadonlyArray<MockClient.Step>
  readonly keys?: ReadonlyArray<MockClient.Step>
}

/** A client of a server with these responses, and the times of its token requests in seconds. */
export const world = (world: World = {}) =>
  Effect.gen(function* () {
    const asked = { token: 0, keys: 0, metadata: 0 }
    const { client, mock } = yield* MockClient.make(({ url }) => {
      switch (new URL(url).pathname) {
        case "/device":
          return world.device ?? MockClient.respond(200, { ...code, ...world.code })
        case "/token":
          return world.answers?.[asked.token++] ?? pending
        case "/jwks":
          return world.keys?.[asked.keys++] ?? keys
        default:
          return world.discovery?.[asked.metadata++] ?? MockClient.respond(200, { ...metadata, ...world.metadata })
      }
    })
    const service = yield* Effect.provideService(
      DeviceCode.make({ ...options, ...world.options }),
      HttpClient.HttpClient,
      client
    )
    const posts = Effect.map(mock.sent, (sent) => sent.filter(({ method }) => method === "POST"))
    const polls = Effect.map(posts, (all) => all.flatMap(({ at, url }) => (url.endsWith("/token") ? [at / 1000] : [])))
    return { ...service, mock, posts, polls }
  })

/** Waits for promises of the OAuth library, which the test clock does not control. */
export const settled = runPendingWork(3)

/** Advances the test clock second by second, and returns the exit of the sign-in. */
export const ending = <A>(
  finish: Effect.Effect<A, TokenError>,
  seconds = 70
): Effect.Effect<Exit.Exit<A, TokenError>> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(finish)
    for (let n = 0; n < seconds; n++) {
      yield* TestClock.adjust("1 second")
      yield* settled
    }
    return yield* Fiber.await(fiber)
  })

export const failing = <A>(finish: Effect.Effect<A, TokenError>, seconds?: number) =>
  Effect.flatMap(ending(finish, seconds), (exit) => Effect.flip(exit))
