/**
 * Signing in from a program that somebody runs in a terminal: their browser opens, and comes back with a token; or, on a
 * machine without one, they type a code on their phone.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as DeviceCode from "@countersign/auth/DeviceCode"
import type * as RefreshToken from "@countersign/auth/RefreshToken"
import type * as TokenStore from "@countersign/auth/TokenStore"
import type { InvalidRequest, TokenError, TokenStoreError } from "@countersign/client/Errors"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { Browser } from "./Browser.js"
import * as LoopbackListener from "./LoopbackListener.js"

/**
 * The client and whose token it is, as `RefreshToken.layer` takes it; and how somebody signs in.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options
  extends
    RefreshToken.Options,
    Pick<AuthorizationCode.Options, "authorizationEndpoint" | "jwksUri" | "parameters" | "pushed"> {
  /** Where the browser comes back to: a free port of `127.0.0.1` and `/callback`, when left out. */
  readonly listener?: LoopbackListener.Options | undefined
  /** Shows the URL where no browser opens: on the error output, when left out. */
  readonly onUrl?: ((url: string) => Effect.Effect<void>) | undefined
}

const printUrl = (url: string): Effect.Effect<void> =>
  Console.error(`Open this URL on this machine to sign in:\n\n  ${url}\n`)

/**
 * Has somebody sign in with their browser, and stores the token, so that `RefreshToken.layer` with the same options goes on
 * with it. Where no browser opens, the URL is shown; the browser must be one of this machine. Where there is none, the
 * device grant is the one to use.
 *
 * Fails as `AuthorizationCode.make`, `LoopbackListener.make` and the store do. Interrupted, it listens no more.
 *
 * Specification: [RFC 8252](https://www.rfc-editor.org/rfc/rfc8252#section-4.1).
 *
 * @example
 * import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
 * import * as SignIn from "@countersign/node/SignIn"
 *
 * const login = SignIn.withBrowser({
 *   issuer: "https://auth.example.com",
 *   clientId: "cli",
 *   clientAuthentication: ClientAuthentication.none,
 *   scopes: ["openid", "offline_access"]
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const withBrowser = (
  options: Options
): Effect.Effect<
  AuthorizationCode.SignedIn,
  InvalidRequest | TokenError | TokenStoreError,
  Browser | HttpClient.HttpClient | TokenStore.TokenStore
> =>
  Effect.gen(function* () {
    const { listener, onUrl = printUrl, ...client } = options
    const browser = yield* Browser
    const { redirectUri, waitForCallback } = yield* LoopbackListener.make(listener)
    const { begin, finish } = yield* AuthorizationCode.make({ ...client, redirectUri })
    const transaction = yield* begin()
    const opened = Effect.catchAll(browser.open(transaction.url), () => onUrl(transaction.url))
    // Both at once: a browser that is already signed in is back before the program that opened it has ended.
    const parameters = yield* Effect.zipLeft(waitForCallback(transaction.state), opened, { concurrent: true })
    const signedIn = yield* finish(transaction, parameters)
    yield* AuthorizationCode.store(options, signedIn)
    return signedIn
  }).pipe(Effect.scoped)

/**
 * The client and whose token it is, as `RefreshToken.layer` takes it; and how somebody signs in on another device.
 *
 * @since 0.1.0
 * @category models
 */
export interface DeviceOptions
  extends RefreshToken.Options, Pick<DeviceCode.Options, "deviceAuthorizationEndpoint" | "jwksUri" | "parameters"> {
  /** Shows where to go and what to type: on the error output, when left out. */
  readonly onUserCode?: ((pending: DeviceCode.Pending) => Effect.Effect<void>) | undefined
}

/** The code is shown even where the URL has it in it: who compares the two is not talked into approving somebody else's. */
const printUserCode = ({
  userCode,
  verificationUri,
  verificationUriComplete
}: DeviceCode.Pending): Effect.Effect<void> =>
  Console.error(
    verificationUriComplete === undefined
      ? `Open this URL on any device, and enter ${userCode}:\n\n  ${verificationUri}\n`
      : `Open this URL on any device, and check that it shows ${userCode}:\n\n  ${verificationUriComplete}\n`
  )

/**
 * Has somebody sign in on another device, and stores the token, so that `RefreshToken.layer` with the same options goes on
 * with it. Where there is a browser, {@link withBrowser} is the one to use: a code can be given on to somebody else.
 *
 * Fails as `DeviceCode.make` and the store do. Interrupted, it asks the server no more.
 *
 * Specification: [RFC 8628](https://www.rfc-editor.org/rfc/rfc8628#section-3).
 *
 * @example
 * import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
 * import * as SignIn from "@countersign/node/SignIn"
 *
 * const login = SignIn.withDevice({
 *   issuer: "https://auth.example.com",
 *   clientId: "tv",
 *   clientAuthentication: ClientAuthentication.none,
 *   scopes: ["openid", "offline_access"]
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const withDevice = (
  options: DeviceOptions
): Effect.Effect<
  AuthorizationCode.SignedIn,
  InvalidRequest | TokenError | TokenStoreError,
  HttpClient.HttpClient | TokenStore.TokenStore
> =>
  Effect.gen(function* () {
    const { onUserCode = printUserCode, ...client } = options
    const { begin, finish } = yield* DeviceCode.make(client)
    const pending = yield* begin
    yield* onUserCode(pending)
    const signedIn = yield* finish(pending)
    yield* AuthorizationCode.store(options, signedIn)
    return signedIn
  })
