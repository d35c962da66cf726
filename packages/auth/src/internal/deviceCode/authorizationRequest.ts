/** The device authorization request and the token request (RFC 8628 §3.1, §3.4). */
import { TokenError } from "@countersign/client/Errors"
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
import type { Conversation } from "../oauth/serverClient.js"
import * as AuthorizationServer from "../oauth/serverEndpoints.js"
import { tokenOf } from "../oauth/tokenResponse.js"
import * as Member from "../response/bodyMembers.js"
import * as Quirk from "../response/complianceFixes.js"
import type { Body } from "../response/responseBody.js"
import type { Options, DeviceAuthorization } from "./authorization.js"

/** RFC 8628 §3.5: the interval if the server states none. */
export const interval: Duration.DurationInput = "5 seconds"

/** Assumed lifetime of a code if the server states none. The server may end it earlier. */
const unstatedLifetime: Duration.DurationInput = "15 minutes"

/** Longest lifetime of a code, and longest interval. No user waits longer. */
const longestMs = 24 * 3600_000

/** Shortest interval. The server states it in seconds, and a smaller value must not remove the pause. */
const shortestMs = 1_000

/** Most characters of a code and of a URI. No server sends longer ones. */
const longestCode = 64
const longestUri = 2048

const unshowable = new TokenError({
  reason: "InvalidResponse",
  detail:
    "invalid device authorization response: `user_code` or `verification_uri` cannot be shown: it is no https URL, too long, or has control characters"
})

/** The text is printed on terminals, so it must not move the cursor or change the writing direction. */
const isShowable = (text: string, longest: number): boolean =>
  text.length <= longest && Redact.text(text, longest) === text

/** The URI of a page may have a fragment. An endpoint may not, so the fragment is removed for the check. */
const checkedUri = (uri: string, insecure: boolean): Effect.Effect<void, TokenError> =>
  isShowable(uri, longestUri)
    ? Effect.mapBoth(Discovery.checkedEndpoint(uri.split("#", 1).join(), insecure), {
        onFailure: () => unshowable,
        onSuccess: () => undefined
      })
    : Effect.fail(unshowable)

const asked = ({ parameters, complianceFixes, resource, scopes = [] }: Options): Record<string, string> => ({
  ...parameters,
  ...(scopes.length > 0 && { scope: Quirk.scopeOf(scopes, complianceFixes) }),
  ...(resource !== undefined && { resource })
})

type Begun = ConstructorParameters<typeof DeviceAuthorization>[0]

const what = "device authorization response"

const required = (body: Body, name: string): Effect.Effect<string, TokenError> => {
  const value = Member.identifier(body[name])
  return value === undefined ? Effect.fail(Member.invalid(what, name, body[name], "a string")) : Effect.succeed(value)
}

/** `verification_uri_complete` is optional. It is left out if it cannot be shown. */
const completeUri = (body: Body, insecure: boolean): Effect.Effect<string | undefined> => {
  const uri = Member.text(body["verification_uri_complete"])
  if (uri === undefined) return Effect.succeed(undefined)
  return Effect.match(checkedUri(uri, insecure), { onFailure: () => undefined, onSuccess: () => uri })
}

const begun = (
  body: Body,
  { clientId: client, issuer }: Options,
  insecure: boolean
): Effect.Effect<Begun, TokenError> =>
  Effect.gen(function* () {
    const deviceCode = yield* required(body, "device_code")
    const userCode = yield* required(body, "user_code")
    const verificationUri = yield* required(body, "verification_uri")
    yield* checkedUri(verificationUri, insecure)
    if (!isShowable(userCode, longestCode)) return yield* unshowable
    const verificationUriComplete = yield* completeUri(body, insecure)
    const lifeMs = millisOf(body["expires_in"]) ?? Duration.toMillis(unstatedLifetime)
    const waitMs = millisOf(body["interval"]) ?? Duration.toMillis(interval)
    const now = yield* Clock.currentTimeMillis
    return {
      ...{ userCode, verificationUri, verificationUriComplete, issuer, client },
      expiresAt: now + Math.min(lifeMs, longestMs),
      interval: Math.min(Math.max(waitMs, shortestMs), longestMs),
      deviceCode: Redacted.make(deviceCode)
    }
  })

const millisOf = (value: unknown): number | undefined => {
  const seconds = Member.seconds(value)
  return seconds === undefined ? undefined : seconds * 1000
}

/** Requests a device code and a user code. */
export const begin = (
  { insecure, read }: Conversation,
  server: oauth.AuthorizationServer,
  options: Options
): Effect.Effect<Begun, TokenError> =>
  Effect.gen(function* () {
    const endpoint = server.device_authorization_endpoint
    yield* AuthorizationServer.usable("device authorization endpoint", endpoint, insecure)
    const openid = options.scopes?.includes("openid") ?? false
    if (openid) yield* AuthorizationServer.usable("key set (jwks_uri)", server.jwks_uri, insecure)
    return yield* read(
      ({ authentication, client, options: how }) =>
        oauth.deviceAuthorizationRequest(server, client, authentication, asked(options), how),
      (body) => begun(body, options, insecure)
    )
  })

/** The token response after the user has approved. */
interface Granted {
  readonly body: Body
  readonly token: Token
}

/** Sends one token request for the device code. */
export const ask = (
  { clockSkew, read }: Conversation,
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
      Effect.flatMap(clockSkew, (ahead) => Effect.map(tokenOf(body, options, ahead), (token) => ({ body, token }))),
    [deviceCode]
  )
}

/** The result of the sign-in. The device code is used up by now, so a failure cannot be retried. */
export const signedIn = (
  conversation: Conversation,
  server: oauth.AuthorizationServer,
  options: Options,
  { body, token }: Granted
): Effect.Effect<SignInResult, TokenError> =>
  Effect.gen(function* () {
    if (options.scopes?.includes("openid") !== true) return { token, claims: undefined, idToken: undefined }
    const said = yield* IdToken.claimed(conversation, body, options, (response, { client }) =>
      oauth.processDeviceCodeResponse(server, client, response)
    )
    yield* IdTokenSignature.signed(conversation, server, said)
    return { token, claims: said.claims, idToken: said.idToken }
  })
