/** The device authorization request and the token request (RFC 8628 §3.1, §3.4). */
import { TokenError } from "../../Errors.js"
import * as Redact from "@countersign/protocol/Redact"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as oauth from "oauth4webapi"
import type { Token } from "../../Token.js"
import type { SignInResult } from "../authorizationCode/transaction.js"
import * as Discovery from "../discovery/serverDiscovery.js"
import * as IdToken from "../idToken/claims.js"
import * as IdTokenSignature from "../idToken/signature.js"
import type { ServerClient } from "../oauth/serverClient.js"
import * as ServerEndpoints from "../oauth/serverEndpoints.js"
import { tokenOf } from "../oauth/tokenResponse.js"
import * as BodyMembers from "../response/bodyMembers.js"
import * as Fixes from "../response/complianceFixes.js"
import type { Body } from "../response/responseBody.js"
import type { Options, DeviceAuthorization } from "./authorization.js"

/** RFC 8628 §3.5: the interval if the server states none. */
export const interval: Duration.DurationInput = "5 seconds"

/** Assumed lifetime of a code if the server states none. The server may end it earlier. */
const defaultLifetime: Duration.DurationInput = "15 minutes"

/** Longest lifetime of a code, and longest interval. No user waits longer. */
const maxLifetimeMs = 24 * 3600_000

/** Shortest interval. The server states it in seconds, and a smaller value must not remove the pause. */
const minLifetimeMs = 1_000

/** Most characters of a code and of a URI. No server sends longer ones. */
const maxCodeLength = 64
const maxUriLength = 2048

const notDisplayable = new TokenError({
  reason: "InvalidResponse",
  detail:
    "invalid device authorization response: `user_code` or `verification_uri` cannot be shown: it is no https URL, too long, or has control characters"
})

/** The text is printed on terminals, so it must not move the cursor or change the writing direction. */
const isDisplayable = (text: string, longest: number): boolean =>
  text.length <= longest && Redact.text(text, longest) === text

/** The URI of a page may have a fragment. An endpoint may not, so the fragment is removed for the check. */
const validateUri = (uri: string, insecure: boolean): Effect.Effect<void, TokenError> =>
  isDisplayable(uri, maxUriLength)
    ? Effect.mapBoth(Discovery.validateEndpoint(uri.split("#", 1).join(), insecure), {
        onFailure: () => notDisplayable,
        onSuccess: () => undefined
      })
    : Effect.fail(notDisplayable)

const requestParameters = ({
  parameters,
  complianceFixes,
  resource,
  scopes = []
}: Options): Record<string, string> => ({
  ...parameters,
  ...(scopes.length > 0 && { scope: Fixes.scopeOf(scopes, complianceFixes) }),
  ...(resource !== undefined && { resource })
})

type DeviceAuthorizationFields = ConstructorParameters<typeof DeviceAuthorization>[0]

const what = "device authorization response"

const required = (body: Body, name: string): Effect.Effect<string, TokenError> => {
  const value = BodyMembers.identifier(body[name])
  return value === undefined
    ? Effect.fail(BodyMembers.invalid(what, name, body[name], "a string"))
    : Effect.succeed(value)
}

/** `verification_uri_complete` is optional. It is left out if it cannot be shown. */
const completeUri = (body: Body, insecure: boolean): Effect.Effect<string | undefined> => {
  const uri = BodyMembers.text(body["verification_uri_complete"])
  if (uri === undefined) return Effect.succeed(undefined)
  return Effect.match(validateUri(uri, insecure), { onFailure: () => undefined, onSuccess: () => uri })
}

const parseDeviceAuthorization = (
  body: Body,
  { clientId: client, issuer }: Options,
  insecure: boolean
): Effect.Effect<DeviceAuthorizationFields, TokenError> =>
  Effect.gen(function* () {
    const deviceCode = yield* required(body, "device_code")
    const userCode = yield* required(body, "user_code")
    const verificationUri = yield* required(body, "verification_uri")
    yield* validateUri(verificationUri, insecure)
    if (!isDisplayable(userCode, maxCodeLength)) return yield* notDisplayable
    const verificationUriComplete = yield* completeUri(body, insecure)
    const lifeMs = millisOf(body["expires_in"]) ?? Duration.toMillis(defaultLifetime)
    const waitMs = millisOf(body["interval"]) ?? Duration.toMillis(interval)
    const now = yield* Clock.currentTimeMillis
    return {
      ...{ userCode, verificationUri, verificationUriComplete, issuer, client },
      expiresAt: now + Math.min(lifeMs, maxLifetimeMs),
      interval: Math.min(Math.max(waitMs, minLifetimeMs), maxLifetimeMs),
      deviceCode: Redacted.make(deviceCode)
    }
  })

const millisOf = (value: unknown): number | undefined => {
  const seconds = BodyMembers.seconds(value)
  return seconds === undefined ? undefined : seconds * 1000
}

/** Requests a device code and a user code. */
export const requestAuthorization = (
  { insecure, read }: ServerClient,
  server: oauth.AuthorizationServer,
  options: Options
): Effect.Effect<DeviceAuthorizationFields, TokenError> =>
  Effect.gen(function* () {
    const endpoint = server.device_authorization_endpoint
    yield* ServerEndpoints.requireEndpoint("device authorization endpoint", endpoint, insecure)
    const openid = options.scopes?.includes("openid") ?? false
    if (openid) yield* ServerEndpoints.requireEndpoint("key set (jwks_uri)", server.jwks_uri, insecure)
    return yield* read(
      ({ authentication, client, options: how }) =>
        oauth.deviceAuthorizationRequest(server, client, authentication, requestParameters(options), how),
      (body) => parseDeviceAuthorization(body, options, insecure)
    )
  })

/** The token response after the user has approved. */
interface Granted {
  readonly body: Body
  readonly token: Token
}

/** Sends one token request for the device code. */
export const requestToken = (
  { clockSkew, read }: ServerClient,
  server: oauth.AuthorizationServer,
  options: Options,
  { deviceCode }: DeviceAuthorization
): Effect.Effect<Granted, TokenError> => {
  const { resource } = options
  return read(
    ({ authentication, client, options: how }) =>
      oauth.deviceCodeGrantRequest(server, client, authentication, Redacted.value(deviceCode), {
        ...how,
        ...(resource !== undefined && { additionalParameters: { resource } })
      }),
    (body) =>
      Effect.flatMap(clockSkew, (clockSkew) =>
        Effect.map(tokenOf(body, options, clockSkew), (token) => ({ body, token }))
      ),
    [deviceCode]
  )
}

/** The result of the sign-in. The device code is used up by now, so a failure cannot be retried. */
export const signInResult = (
  conversation: ServerClient,
  server: oauth.AuthorizationServer,
  options: Options,
  { body, token }: Granted
): Effect.Effect<SignInResult, TokenError> =>
  Effect.gen(function* () {
    if (options.scopes?.includes("openid") !== true) return { token, claims: undefined, idToken: undefined }
    const said = yield* IdToken.validateIdToken(conversation, body, options, (response, { client }) =>
      oauth.processDeviceCodeResponse(server, client, response)
    )
    yield* IdTokenSignature.verifySignature(conversation, server, said)
    return { token, claims: said.claims, idToken: said.idToken }
  })
