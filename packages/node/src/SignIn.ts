/**
 * Sign-in from a command-line program: with the browser of this machine (RFC 8252), or with a code on another device
 * (RFC 8628).
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as DeviceCode from "@countersign/auth/DeviceCode"
import type * as RefreshToken from "@countersign/auth/RefreshToken"
import type * as TokenStore from "@countersign/auth/TokenStore"
import type { InvalidRequest } from "@countersign/client/Errors"
import type { TokenError, TokenStoreError } from "@countersign/auth/Errors"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { Browser } from "./Browser.js"
import * as LoopbackListener from "./LoopbackListener.js"

/**
 * Options of {@link withBrowser}: the options of `RefreshToken.layer`, and how the user signs in.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options
  extends
    RefreshToken.Options,
    Pick<AuthorizationCode.Options, "authorizationEndpoint" | "jwksUri" | "parameters" | "usePar"> {
  /** Where the browser returns to. Default: a free port of `127.0.0.1` and the path `/callback`. */
  readonly listener?: LoopbackListener.Options | undefined
  /** Shows the URL to the user when no browser opens. Default: prints it on the standard error output. */
  readonly onUrl?: ((url: string) => Effect.Effect<void>) | undefined
}

const printUrl = (url: string): Effect.Effect<void> =>
  Console.error(`Open this URL on this machine to sign in:\n\n  ${url}\n`)

/**
 * Signs the user in with the browser of this machine, and stores the token. `RefreshToken.layer` with the same options
 * then uses the token.
 *
 * If no browser opens, the URL is shown. It must be opened on this machine. On a machine without a browser, use
 * {@link withDevice}.
 *
 * Fails as `AuthorizationCode.make`, `LoopbackListener.make` and the token store fail. Interruption closes the
 * listener.
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
  AuthorizationCode.SignInResult,
  InvalidRequest | TokenError | TokenStoreError,
  Browser | HttpClient.HttpClient | TokenStore.TokenStore
> =>
  Effect.gen(function* () {
    const { listener, onUrl = printUrl, ...client } = options
    const browser = yield* Browser
    const { redirectUri, waitForCallback } = yield* LoopbackListener.make(listener)
    const { start, complete } = yield* AuthorizationCode.make({ ...client, redirectUri })
    const transaction = yield* start()
    const opened = Effect.catchAll(browser.open(transaction.url), () => onUrl(transaction.url))
    // Concurrently: if the user is already signed in, the browser returns before the program that opened it exits.
    const parameters = yield* Effect.zipLeft(waitForCallback(transaction.state), opened, { concurrent: true })
    const signedIn = yield* complete(transaction, parameters)
    yield* AuthorizationCode.storeToken(options, signedIn)
    return signedIn
  }).pipe(Effect.scoped)

/**
 * Options of {@link withDevice}: the options of `RefreshToken.layer`, and how the user code is shown.
 *
 * @since 0.1.0
 * @category models
 */
export interface DeviceOptions
  extends RefreshToken.Options, Pick<DeviceCode.Options, "deviceAuthorizationEndpoint" | "jwksUri" | "parameters"> {
  /** Shows the URL and the user code to the user. Default: prints them on the standard error output. */
  readonly onUserCode?: ((pending: DeviceCode.DeviceAuthorization) => Effect.Effect<void>) | undefined
}

/**
 * The code is shown even if the URL contains it: comparing both protects users from approving the request of an
 * attacker (RFC 8628 §3.3.1).
 */
const printUserCode = ({
  userCode,
  verificationUri,
  verificationUriComplete
}: DeviceCode.DeviceAuthorization): Effect.Effect<void> =>
  Console.error(
    verificationUriComplete === undefined
      ? `Open this URL on any device, and enter ${userCode}:\n\n  ${verificationUri}\n`
      : `Open this URL on any device, and check that it shows ${userCode}:\n\n  ${verificationUriComplete}\n`
  )

/**
 * Signs the user in on another device, and stores the token. `RefreshToken.layer` with the same options then uses the
 * token.
 *
 * On a machine with a browser, use {@link withBrowser}: an attacker can persuade a user to enter the attacker's code.
 *
 * Fails as `DeviceCode.make` and the token store fail. Interruption ends the polling.
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
  AuthorizationCode.SignInResult,
  InvalidRequest | TokenError | TokenStoreError,
  HttpClient.HttpClient | TokenStore.TokenStore
> =>
  Effect.gen(function* () {
    const { onUserCode = printUserCode, ...client } = options
    const { start, poll } = yield* DeviceCode.make(client)
    const pending = yield* start
    yield* onUserCode(pending)
    const signedIn = yield* poll(pending)
    yield* AuthorizationCode.storeToken(options, signedIn)
    return signedIn
  })
