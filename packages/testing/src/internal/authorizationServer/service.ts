import type * as Effect from "effect/Effect"
import type * as Recorder from "../httpServer/requestRecorder.js"
import type { Approval } from "./consent/authorization.js"
import type * as Fault from "./faults/fault.js"
import type * as Calls from "./tokenCallLog.js"
import type * as Families from "./tokens/tokenFamily.js"
import type * as Tokens from "./tokens/tokens.js"

/**
 * An authorization request that waits for the decision of the user.
 *
 * @since 0.1.0
 * @category models
 */
export interface PendingConsent {
  /** Id of the consent page, for `approve` and `deny`. */
  readonly id: string
  /** The client that sent the request. */
  readonly clientId: string
  /** The requested scope. */
  readonly scope: string | undefined
}

/**
 * Service of a running server: reads its state, and changes it.
 *
 * @since 0.1.0
 * @category services
 */
export interface Service {
  /** Issuer identifier, without a trailing slash. */
  readonly issuer: string
  /** URL of the token endpoint. */
  readonly tokenEndpoint: string
  /** URL of the protected resource. */
  readonly resource: string
  /** Number of calls of the token endpoint, including those with a fault. */
  readonly tokenCalls: Effect.Effect<number>
  /** Number of refresh calls of the token endpoint, including those with a fault. */
  readonly refreshCalls: Effect.Effect<number>
  /** All calls of the token endpoint, in order. */
  readonly calls: Effect.Effect<ReadonlyArray<Calls.LoggedCall>>
  /** Number of token families that were revoked because a refresh token was reused. */
  readonly revokedFamilies: Effect.Effect<number>
  /** State of all token families. */
  readonly families: Effect.Effect<ReadonlyArray<Families.FamilyState>>
  /** Finds the family of an access token or a refresh token. */
  readonly findFamily: (token: string) => Effect.Effect<Families.FamilyState | undefined>
  /** All requests, in order. */
  readonly requests: Effect.Effect<ReadonlyArray<Recorder.Received>>
  /** Number of sockets that requests used (0 in memory). */
  readonly connections: Effect.Effect<number>
  /** Issues tokens with a refresh token, as after a sign-in of the user. */
  readonly issueTokens: (subject: {
    readonly clientId: string
    readonly scope?: string | undefined
  }) => Effect.Effect<Tokens.TokenResponse>
  /** Revokes all access tokens that were issued until now. Refresh tokens stay valid. */
  readonly revokeAccessTokens: Effect.Effect<void>
  /** Ends a session like an administrator: revokes a family's refresh tokens, and its access tokens unless they stay `"alive"`. */
  readonly revokeFamily: (
    id: number,
    options?: { readonly accessTokens?: "dead" | "alive" | undefined }
  ) => Effect.Effect<void>
  /** Replaces the faults. The next call of the token endpoint is the first of a list. */
  readonly setFaults: (script: Fault.Script) => Effect.Effect<void>
  /** Authorization requests without a decision, with `consent: "manual"`. */
  readonly pendingConsents: Effect.Effect<ReadonlyArray<PendingConsent>>
  /** Approves a pending request. Returns the redirect URL, or `undefined` when `id` is not pending. */
  readonly approve: (id: string, approval?: Approval) => Effect.Effect<string | undefined>
  /** Denies a pending request. Returns the redirect URL, or `undefined` when `id` is not pending. */
  readonly deny: (id: string) => Effect.Effect<string | undefined>
  /** Approves the user code of a device. Returns whether a device waits for it. */
  readonly approveDevice: (userCode: string, approval?: Approval) => Effect.Effect<boolean>
  /** Denies the user code of a device. Returns whether a device waits for it. */
  readonly denyDevice: (userCode: string) => Effect.Effect<boolean>
  /** Invalidates all DPoP nonces that were sent until now. */
  readonly renewNonces: Effect.Effect<void>
  /** Replaces the signing key of ID tokens. */
  readonly rotateKeys: Effect.Effect<void>
}
