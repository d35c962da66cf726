/**
 * The device authorization grant: somebody signs in with a browser elsewhere, mostly on their phone, for a program on a
 * machine that has none. It shows them a code, and asks until they have typed it.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type { InvalidRequest } from "@countersign/client/Errors"
import { TokenError } from "@countersign/client/Errors"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { SignInResult } from "./AuthorizationCode.js"
import * as DeviceAuthorizationRequest from "./internal/deviceCode/authorizationRequest.js"
import { DeviceAuthorization } from "./internal/deviceCode/authorization.js"
import type { Options } from "./internal/deviceCode/authorization.js"
import * as Polling from "./internal/deviceCode/polling.js"
import * as Conversation from "./internal/oauth/serverClient.js"
import * as AuthorizationServer from "./internal/oauth/serverEndpoints.js"

export type { Options } from "./internal/deviceCode/authorization.js"
export { DeviceAuthorization } from "./internal/deviceCode/authorization.js"

/**
 * How long is waited between two questions where the server does not say.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaultInterval: Duration.DurationInput = DeviceAuthorizationRequest.interval

/**
 * Signing in, see {@link make}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Has the server make a code: show `userCode` and `verificationUri`. Nothing is open: it ends by itself. */
  readonly start: Effect.Effect<DeviceAuthorization, TokenError>
  /** Asks until somebody has approved it, declined it, or it is over. Interrupted, it asks no more. */
  readonly poll: (pending: DeviceAuthorization) => Effect.Effect<SignInResult, TokenError>
}

const another = new TokenError({
  reason: "InvalidResponse",
  detail: "the sign-in was begun at another issuer, or by another client, than this one: it is not used"
})

/**
 * Makes signing in. The server's metadata is fetched when it is first needed, and kept, so make it once.
 *
 * The first question comes after one interval. It grows by five seconds each time the server asks to slow down; where it
 * does not answer, each wait is twice the one before, up to a minute, and never shorter than it says; it is asked once more
 * just before the code is over. An interval is a second at least.
 *
 * Building it fails with `InvalidRequest` where the issuer or an endpoint is no https URL, or the client's id or secret is
 * empty. `begin` fails with `TokenError`: `InvalidResponse` where the server names no usable endpoint, or gives nothing that
 * can be shown to somebody; `Rejected` and `Unavailable` as `OAuth2.make` tells. `finish` fails with `TokenError`: `Rejected`
 * where somebody declined (`error` is `access_denied`) or the server did; `ReauthorizationRequired` where nobody has
 * approved in time, or the code is no longer good; `InvalidResponse` for an ID token that is not believed, and
 * `Unavailable` where the keys to believe it by cannot be had: its code is used by then.
 *
 * Specification: [RFC 8628 §3](https://www.rfc-editor.org/rfc/rfc8628#section-3),
 * [RFC 8707 §2](https://www.rfc-editor.org/rfc/rfc8707#section-2),
 * [OpenID Connect Core §3.1.3.7](https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Service, InvalidRequest, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const conversation = yield* Conversation.make(options)
    yield* AuthorizationServer.checked(options, conversation.insecure)
    const openid = options.scopes?.includes("openid") ?? false
    const find = AuthorizationServer.make(conversation, options)
    const server = Effect.suspend(() => find(AuthorizationServer.signInNeeds("device_authorization_endpoint", openid)))
    const asking = (pending: DeviceAuthorization) =>
      Effect.flatMap(server, (known) => DeviceAuthorizationRequest.ask(conversation, known, options, pending))
    return {
      start: Effect.flatMap(server, (known) => DeviceAuthorizationRequest.begin(conversation, known, options)).pipe(
        Effect.map((fields) => new DeviceAuthorization(fields))
      ),
      poll: (pending) =>
        pending.issuer === options.issuer && pending.client === options.clientId
          ? Effect.flatMap(Polling.untilDecided(pending, asking(pending)), (granted) =>
              Effect.flatMap(server, (known) =>
                DeviceAuthorizationRequest.signedIn(conversation, known, options, granted)
              )
            )
          : Effect.fail(another)
    }
  })
