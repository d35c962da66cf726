/** Clients that expect providers to follow the specifications exactly. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import type * as OAuth2 from "@countersign/auth/OAuth2"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Client } from "../../../src/Client.js"
import { ours } from "../../../src/Client.js"
import { secret } from "../../../src/ProviderClients.js"

/** Changes the options in each part of the client. */
const configured = (change: <O extends OAuth2.Client>(options: O) => O): Client => ({
  ...ours,
  conversation: (options) => ours.conversation(change(options)),
  signIn: (options) => ours.signIn(change(options)),
  refreshing: (options) => ours.refreshing(change(options)),
  signOut: (options) => ours.signOut(change(options))
})

/** Has no configuration for the provider. */
export const withoutQuirks: Client = configured((options) => ({ ...options, complianceFixes: undefined }))

/** Encodes id and secret as RFC 6749 §2.3.1 requires. */
export const encodingCredentials: Client = configured((options) => ({
  ...options,
  clientSecret: Redacted.make(secret),
  clientAuthentication: "client_secret_basic"
}))

/** Sends the secret in the body. */
export const secretInBody: Client = configured((options) => ({
  ...options,
  clientAuthentication: "client_secret_post"
}))

type Members = Readonly<Record<string, unknown>>

const isText = (value: unknown): boolean => value === undefined || typeof value === "string"

/** Whether a token response has exactly the form of RFC 6749 §5.1. */
const isStandard = (status: number, { expires_in: life, refresh_token, scope, token_type: type }: Members): boolean =>
  status === 200 &&
  typeof type === "string" &&
  type.toLowerCase() === "bearer" &&
  (life === undefined || typeof life === "number") &&
  isText(scope) &&
  isText(refresh_token)

/** Rejects a token response in another form than RFC 6749 §5.1. */
export const strict: Client = {
  ...ours,
  http: (transport) =>
    HttpClient.transformResponse(
      transport,
      Effect.flatMap((response) =>
        response.text.pipe(
          Effect.map((text) => {
            const { status } = response
            const body = (text.startsWith("{") ? JSON.parse(text) : {}) as Members
            const isRead = status >= 300 || !("access_token" in body) || isStandard(status, body)
            const { content_length: _, ...headers } = response.headers
            return HttpClientResponse.fromWeb(
              response.request,
              new Response(isRead && status !== 204 ? text : null, { status: isRead ? status : 502, headers })
            )
          })
        )
      )
    )
}

/** Writes a space in a URL as `+`. */
export const withPlus: Client = {
  ...ours,
  signIn: (options) =>
    Effect.map(ours.signIn(options), (service) => ({
      ...service,
      start: (more) =>
        Effect.map(service.start(more), (transaction) => ({
          ...transaction,
          url: transaction.url.replaceAll("%20", "+")
        }))
    }))
}
