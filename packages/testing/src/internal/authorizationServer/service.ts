import type * as Effect from "effect/Effect"
import type * as Recorder from "../httpServer/requestRecorder.js"
import type { Approval } from "./consent/authorization.js"
import type * as Fault from "./faults/fault.js"
import type * as Calls from "./tokenCallLog.js"
import type * as Families from "./tokens/tokenFamily.js"
import type * as Tokens from "./tokens/tokens.js"

/**
 * An authorization request that waits for its user: the `id` of its page, who asks, and for what.
 *
 * @since 0.1.0
 * @category models
 */
export interface PendingConsent {
  readonly id: string
  readonly clientId: string
  readonly scope: string | undefined
}

/**
 * A running server. `issuer` has no slash at its end. `tokenCalls` and `refreshCalls` count the calls of the token
 * endpoint, those that were answered by a fault included, and `calls` are all of them; `revokedFamilies` counts the
 * refresh-token families that died of reuse, and `families` are all of them; `findFamily` is that of an access token or a
 * refresh token. `connections` counts sockets (0 in memory).
 *
 * `issueTokens` gives tokens with a refresh token, as if a user had come by. `revokeAccessTokens` ends every access token that
 * was issued until now, and no refresh token. `revokeFamily` is an administrator who ends a session: its refresh tokens
 * are dead, its access tokens too unless they are to stay alive. `setFaults` replaces the faults from the next call on,
 * which is the first of a list.
 *
 * With `consent: "manual"`, `pendingConsents` are the authorization requests that nobody has decided on; `approve` and `deny` press
 * the button, once, and give the URL that the browser is sent to (`undefined` for an `id` that does not wait).
 * `approveDevice` and `denyDevice` are the same for the code that a device shows; they tell whether a device waits for it.
 * `renewNonces` makes every DPoP nonce worthless that was given out until now; `rotateKeys` replaces the key of ID tokens.
 *
 * @since 0.1.0
 * @category services
 */
export interface Service {
  readonly issuer: string
  readonly tokenEndpoint: string
  readonly resource: string
  readonly tokenCalls: Effect.Effect<number>
  readonly refreshCalls: Effect.Effect<number>
  readonly calls: Effect.Effect<ReadonlyArray<Calls.LoggedCall>>
  readonly revokedFamilies: Effect.Effect<number>
  readonly families: Effect.Effect<ReadonlyArray<Families.FamilyState>>
  readonly findFamily: (token: string) => Effect.Effect<Families.FamilyState | undefined>
  readonly requests: Effect.Effect<ReadonlyArray<Recorder.Received>>
  readonly connections: Effect.Effect<number>
  readonly issueTokens: (subject: {
    readonly clientId: string
    readonly scope?: string | undefined
  }) => Effect.Effect<Tokens.TokenResponse>
  readonly revokeAccessTokens: Effect.Effect<void>
  readonly revokeFamily: (
    id: number,
    options?: { readonly accessTokens?: "dead" | "alive" | undefined }
  ) => Effect.Effect<void>
  readonly setFaults: (script: Fault.Script) => Effect.Effect<void>
  readonly pendingConsents: Effect.Effect<ReadonlyArray<PendingConsent>>
  readonly approve: (id: string, approval?: Approval) => Effect.Effect<string | undefined>
  readonly deny: (id: string) => Effect.Effect<string | undefined>
  readonly approveDevice: (userCode: string, approval?: Approval) => Effect.Effect<boolean>
  readonly denyDevice: (userCode: string) => Effect.Effect<boolean>
  readonly renewNonces: Effect.Effect<void>
  readonly rotateKeys: Effect.Effect<void>
}
