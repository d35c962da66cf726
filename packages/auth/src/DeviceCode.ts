/**
 * The device authorization grant (RFC 8628), for devices without a browser.
 *
 * The device shows a code. The user opens a page on another device, mostly a phone, signs in there, and enters the code.
 * The device polls the server until then.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type { InvalidRequest } from "@countersign/client/Errors"
import { TokenError } from "./Errors.js"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { SignInResult } from "./AuthorizationCode.js"
import * as DeviceAuthorizationRequest from "./internal/deviceCode/authorizationRequest.js"
import { DeviceAuthorization } from "./internal/deviceCode/authorization.js"
import type { Options } from "./internal/deviceCode/authorization.js"
import * as Polling from "./internal/deviceCode/polling.js"
import * as ServerEndpoints from "./internal/oauth/serverEndpoints.js"
import * as SharedServer from "./internal/oauth/sharedServer.js"

export type { Options } from "./internal/deviceCode/authorization.js"
export { DeviceAuthorization } from "./internal/deviceCode/authorization.js"

/**
 * How long to wait between two polls if the server names no interval: 5 seconds.
 *
 * Specification: [RFC 8628 §3.5](https://www.rfc-editor.org/rfc/rfc8628#section-3.5).
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaultInterval: Duration.DurationInput = DeviceAuthorizationRequest.interval

/**
 * Starts device authorizations and polls for their result, see {@link make}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * Requests a code from the server. Show `userCode` and `verificationUri` to the user. An abandoned code needs no cleanup.
   */
  readonly start: Effect.Effect<DeviceAuthorization, TokenError>
  /** Polls the server until the user has approved or declined, or the code has expired. Interrupt it to stop polling. */
  readonly poll: (pending: DeviceAuthorization) => Effect.Effect<SignInResult, TokenError>
}

const wrongClient = new TokenError({
  reason: "InvalidResponse",
  detail: "the device authorization belongs to another issuer or client. Poll with the options that started it."
})

/**
 * Makes the service that signs users in on devices. Make it once: it fetches the server's metadata at first use, and caches
 * it.
 *
 * Polling works as follows:
 *
 * - The first poll comes after one interval, which is at least one second.
 * - The interval grows by five seconds each time the server sends `slow_down`.
 * - If the server does not answer, each wait is twice the last one, up to a minute. A wait is never shorter than the server
 *   demands.
 * - One last poll is sent just before the code expires.
 *
 * Building the service fails with `InvalidRequest` if the issuer or an endpoint is not an https URL, or if the client's id
 * or secret is empty.
 *
 * `start` fails with `TokenError`: `InvalidResponse` if the metadata names no usable endpoint, or if the code or the URL
 * cannot be shown to a user. `Rejected` and `Unavailable` are those of `OAuth2.make`.
 *
 * `poll` fails with `TokenError`:
 *
 * - `Rejected` if the user declined (`error` is `access_denied`) or the server rejected the request
 * - `ReauthorizationRequired` if the user has not approved in time, or the code is no longer valid
 * - `InvalidResponse` for an invalid ID token
 * - `Unavailable` if the keys for the ID token are not available. The device code is used up then: start again.
 *
 * Specification: [RFC 8628 §3](https://www.rfc-editor.org/rfc/rfc8628#section-3),
 * [RFC 8707 §2](https://www.rfc-editor.org/rfc/rfc8707#section-2),
 * [OpenID Connect Core §3.1.3.7](https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation).
 *
 * @example
 * import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
 * import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
 * import * as DeviceCode from "@countersign/auth/DeviceCode"
 * import * as Console from "effect/Console"
 * import * as Effect from "effect/Effect"
 *
 * const client: DeviceCode.Options = {
 *   issuer: "https://auth.example.com",
 *   clientId: "tv",
 *   clientAuthentication: ClientAuthentication.none,
 *   scopes: ["openid", "read"]
 * }
 *
 * // Stores the token for `RefreshToken.layer(client)`.
 * const signIn = Effect.gen(function* () {
 *   const device = yield* DeviceCode.make(client)
 *   const pending = yield* device.start
 *   yield* Console.log(`Open ${pending.verificationUri} and enter ${pending.userCode}`)
 *   const signedIn = yield* device.poll(pending)
 *   yield* AuthorizationCode.storeToken(client, signedIn)
 *   return signedIn.claims?.sub
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Service, InvalidRequest, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const conversation = yield* SharedServer.connect(options)
    yield* ServerEndpoints.validateOverrides(options, conversation.insecure)
    const openid = options.scopes?.includes("openid") ?? false
    const find = ServerEndpoints.make(conversation, options)
    const server = Effect.suspend(() => find(ServerEndpoints.signInNeeds("device_authorization_endpoint", openid)))
    const asking = (pending: DeviceAuthorization) =>
      Effect.flatMap(server, (known) => DeviceAuthorizationRequest.requestToken(conversation, known, options, pending))
    return {
      start: Effect.flatMap(server, (known) =>
        DeviceAuthorizationRequest.requestAuthorization(conversation, known, options)
      ).pipe(Effect.map((fields) => new DeviceAuthorization(fields))),
      poll: (pending) =>
        pending.issuer === options.issuer && pending.client === options.clientId
          ? Effect.flatMap(Polling.pollUntilDecided(pending, asking(pending)), (granted) =>
              Effect.flatMap(server, (known) =>
                DeviceAuthorizationRequest.signInResult(conversation, known, options, granted)
              )
            )
          : Effect.fail(wrongClient)
    }
  })
