/** The two requests of a device: for a code to show, and for the token once somebody has typed it. */
import { TokenError } from "@countersign/client/Errors"
import * as Redact from "@countersign/protocol/Redact"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as oauth from "oauth4webapi"
import type { SignedIn } from "../AuthorizationCode.js"
import type { Options, Pending } from "../DeviceCode.js"
import * as AuthorizationServer from "./authorizationServer.js"
import type { Conversation } from "./conversation.js"
import * as Discovery from "./discovery.js"
import * as IdToken from "./idToken.js"
import * as Quirk from "./quirk.js"
import { tokenOf } from "./tokenResponse.js"

/** RFC 8628 §3.5: where the server does not say. */
export const interval: Duration.DurationInput = "5 seconds"

/** Nobody sits in front of a code for longer. */
const longestMs = 24 * 3600_000

/** The interval is told in seconds: less than one is no leave to ask without a pause. */
const shortestMs = 1_000

/** What a person can type, and more than any server asks them to. */
const longestCode = 64
const longestUri = 2048

const unshowable = new TokenError({
  reason: "InvalidResponse",
  detail:
    "the server's code, or the place to type it, is nothing that can be shown to somebody: no https URL, or too long"
})

/** It is printed on terminals: nothing in it may move a cursor or run backwards. */
const isShowable = (text: string, longest: number): boolean =>
  text.length <= longest && Redact.text(text, longest) === text

/** A page may find its way by a fragment, which an endpoint may not have. */
const checkedUri = (uri: string, insecure: boolean): Effect.Effect<void, TokenError> =>
  isShowable(uri, longestUri)
    ? Effect.mapBoth(Discovery.checkedEndpoint(uri.split("#", 1).join(), insecure), {
        onFailure: () => unshowable,
        onSuccess: () => undefined
      })
    : Effect.fail(unshowable)

const asked = ({ parameters, quirks, resource, scopes = [] }: Options): Record<string, string> => ({
  ...parameters,
  ...(scopes.length > 0 && { scope: Quirk.scopeOf(scopes, quirks) }),
  ...(resource !== undefined && { resource })
})

type Begun = ConstructorParameters<typeof Pending>[0]

const begun = (
  answer: oauth.DeviceAuthorizationResponse,
  { clientId: client, issuer }: Options,
  now: number,
  insecure: boolean
): Effect.Effect<Begun, TokenError> =>
  Effect.gen(function* () {
    const { user_code: userCode, verification_uri: verificationUri } = answer
    const verificationUriComplete = answer.verification_uri_complete
    yield* checkedUri(verificationUri, insecure)
    if (verificationUriComplete !== undefined) yield* checkedUri(verificationUriComplete, insecure)
    if (!isShowable(userCode, longestCode)) return yield* unshowable
    const lifeMs = Math.min(answer.expires_in * 1000, longestMs)
    const waitMs = answer.interval === undefined ? Duration.toMillis(interval) : answer.interval * 1000
    return {
      ...{ userCode, verificationUri, verificationUriComplete, issuer, client },
      expiresAt: now + lifeMs,
      interval: Math.min(Math.max(waitMs, shortestMs), longestMs),
      deviceCode: Redacted.make(answer.device_code)
    }
  })

/** Has the server make a code. */
export const begin = (
  { call, insecure }: Conversation,
  server: oauth.AuthorizationServer,
  options: Options
): Effect.Effect<Begun, TokenError> =>
  Effect.gen(function* () {
    const endpoint = server.device_authorization_endpoint
    yield* AuthorizationServer.usable("endpoint for devices", endpoint, insecure)
    const openid = options.scopes?.includes("openid") ?? false
    if (openid) yield* AuthorizationServer.usable("key set (jwks_uri)", server.jwks_uri, insecure)
    const answer = yield* call(async ({ authentication, client, options: how }) =>
      oauth.processDeviceAuthorizationResponse(
        server,
        client,
        await oauth.deviceAuthorizationRequest(server, client, authentication, asked(options), how)
      )
    )
    return yield* begun(answer, options, yield* Clock.currentTimeMillis, insecure)
  })

/** What the server has given, and the response that it came in, which the library checks the ID token by. */
interface Granted {
  readonly answer: oauth.TokenEndpointResponse
  readonly response: Response
}

/** Asks once whether somebody has approved the code. */
export const ask = (
  { call }: Conversation,
  server: oauth.AuthorizationServer,
  { resource }: Options,
  { deviceCode }: Pending
): Effect.Effect<Granted, TokenError> =>
  Effect.flatten(
    call(
      async ({ authentication, client, options }): Promise<Either.Either<Granted, TokenError>> => {
        const more = resource === undefined ? {} : { additionalParameters: { resource } }
        const code = Redacted.value(deviceCode)
        const how = { ...options, ...more }
        const response = await oauth.deviceCodeGrantRequest(server, client, authentication, code, how)
        const read = await IdToken.believing(oauth.processDeviceCodeResponse(server, client, response))
        return Either.map(read, (answer) => ({ answer, response }))
      },
      [deviceCode]
    )
  )

const anonymous = new TokenError({
  reason: "InvalidResponse",
  detail: "the ID token is not believed: there is none, although it was asked for (openid); sign in again"
})

/** Who has signed in. The code is used by now: whatever fails here, asking again gives nothing. */
export const signedIn = (
  conversation: Conversation,
  server: oauth.AuthorizationServer,
  options: Options,
  { answer, response }: Granted
): Effect.Effect<SignedIn, TokenError> =>
  Effect.gen(function* () {
    const token = yield* tokenOf(answer, options, yield* conversation.clockOffset)
    if (options.scopes?.includes("openid") !== true) return { token, claims: undefined, idToken: undefined }
    if (answer.id_token === undefined) return yield* anonymous
    yield* IdToken.signed(conversation, server, response)
    return { token, claims: oauth.getValidatedIdTokenClaims(answer), idToken: Redacted.make(answer.id_token) }
  })
