/** Clients that acquire, store or revoke tokens wrongly. */
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as Bearer from "@countersign/auth/Bearer"
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import * as Introspection from "@countersign/auth/Introspection"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as Registration from "@countersign/auth/Registration"
import * as Revocation from "@countersign/auth/Revocation"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as Auth from "@countersign/client/Auth"
import { TokenError } from "@countersign/auth/Errors"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { Client } from "../../../src/Client.js"
import { ours } from "../../../src/Client.js"

const schemeTag = Auth.tag<TokenSourceError>()

type Service = OAuth2.Service

const withOAuth2 = (change: (service: Service) => Partial<Service>): Client => ({
  ...ours,
  conversation: (client) => Effect.map(OAuth2.make(client), (service) => ({ ...service, ...change(service) }))
})

/** Accepts tokens that are not bound to a key. */
export const acceptsUnboundToken: Client = {
  ...ours,
  conversation: (client) => OAuth2.make({ ...client, dpop: undefined }),
  signIn: (options) => AuthorizationCode.make({ ...options, dpop: undefined })
}

/** Retries every error of the token endpoint. */
export const retriesEveryError: Client = withOAuth2(({ clientCredentials, refresh }) => ({
  clientCredentials: (parameters) => Effect.retry(clientCredentials(parameters), { times: 2 }),
  refresh: (...args) => Effect.retry(refresh(...args), { times: 2 })
}))

const mapTokenErrors = (change: (error: TokenError) => TokenError): Client => ({
  ...withOAuth2(({ clientCredentials, refresh }) => ({
    clientCredentials: (parameters) => Effect.mapError(clientCredentials(parameters), change),
    refresh: (...args) => Effect.mapError(refresh(...args), change)
  })),
  refreshing: (options) =>
    Layer.unwrapEffect(
      Effect.map(OAuth2.make(options), ({ refresh }) =>
        Bearer.layerCustom({
          key: RefreshToken.keyOf(options),
          acquireToken: (previous) => {
            const token = Option.getOrUndefined(previous)?.refreshToken ?? Redacted.make("none")
            return Effect.mapError(refresh(token), change)
          }
        })
      )
    )
})

/** Reports every error as `ReauthorizationRequired`. */
export const everyErrorIsReauthorization: Client = mapTokenErrors(
  ({ detail, error }) => new TokenError({ reason: "ReauthorizationRequired", detail, error })
)

/** Reports `invalid_grant` as `Rejected`. */
export const invalidGrantIsRejected: Client = mapTokenErrors(
  ({ detail, error }) => new TokenError({ reason: "Rejected", detail, error })
)

/** Appends a text to the detail of errors. */
const appendToDetail = (text: (client: OAuth2.Client) => string): Client => ({
  ...ours,
  conversation: (client) =>
    Effect.map(OAuth2.make(client), (service) => {
      const more = ({ detail, error, reason }: TokenError) =>
        new TokenError({ reason, error, detail: `${detail}: ${text(client)}` })
      return { ...service, clientCredentials: (form) => Effect.mapError(service.clientCredentials(form), more) }
    })
})

/** Appends the client secret to errors. */
export const leaksSecretInErrors: Client = appendToDetail(({ clientSecret }) =>
  clientSecret ? Redacted.value(clientSecret) : ""
)

/** Appends a control sequence to errors, as a client would that prints the server's text unchanged. */
export const printsServerText: Client = appendToDetail(() => "\u001b[2J")

/** Repeats a rejected request without its scope. */
export const dropsRejectedScope: Client = withOAuth2(({ clientCredentials, refresh }) => ({
  clientCredentials: (parameters) => Effect.catchAll(clientCredentials(parameters), () => clientCredentials({})),
  refresh: (token, parameters) => Effect.catchAll(refresh(token, parameters), () => refresh(token))
}))

const expired = (expiresAt: number | undefined, now: number) => expiresAt !== undefined && now >= expiresAt

/** Each request with an expired or rejected token refreshes it. */
const makeUncoordinatedSource = (options: RefreshToken.Options) =>
  Effect.gen(function* () {
    const store = yield* TokenStore.TokenStore
    const { refresh } = yield* OAuth2.make(options)
    const key = RefreshToken.keyOf(options)
    let generation = 0
    const stored = Effect.flatten(store.get(key)).pipe(
      Effect.catchTag("NoSuchElementException", () => Effect.dieMessage("no stored token"))
    )
    const anew = Effect.gen(function* () {
      const { token, version } = yield* stored
      const another = yield* refresh(token.refreshToken ?? Redacted.make("none"))
      yield* store.compareAndSet(key, version, another)
      return { token: another, generation: ++generation }
    })
    const source: TokenSource.Service = {
      get: Effect.flatMap(Effect.zip(stored, Clock.currentTimeMillis), ([{ token }, now]) =>
        expired(token.expiresAt, now) ? anew : Effect.succeed({ token, generation })
      ),
      onRejected: () => Effect.as(anew, true),
      onReplayRejected: () => Effect.void
    }
    return Context.make(TokenSource.TokenSource, source).pipe(Context.add(schemeTag, Bearer.fromSource(source)))
  })

export const refreshesForEveryRequest: Client = {
  ...ours,
  refreshing: (options) => Layer.effectContext(makeUncoordinatedSource(options))
}

/** Keeps a token that the API rejected. */
export const keepsRejectedToken: Client = {
  ...ours,
  service: (options) =>
    Layer.map(ClientCredentials.layer(options), (context) =>
      Context.add(context, schemeTag, { ...Context.get(context, schemeTag), onRejected: () => Effect.succeed(false) })
    )
}

/** Accepts a token for any API. */
export const ignoresAudience: Client = {
  ...ours,
  verify: (token, options) =>
    ours.verify(token, { ...options, audience: ["https://orders.test/", "https://payments.test/"] })
}

const withIntrospection = (
  change: (introspect: Introspection.Service["introspect"]) => Introspection.Service["introspect"]
): Client => ({
  ...ours,
  introspection: (client) =>
    Effect.map(Introspection.make(client), ({ introspect }) => ({ introspect: change(introspect) }))
})

/** Treats every introspection response as active. */
export const treatsAnyIntrospectionAsActive: Client = withIntrospection(
  (introspect) =>
    (...args) =>
      Effect.as(introspect(...args), { active: true, claims: {} })
)

/** Treats an introspection error as inactive. */
export const treatsIntrospectionErrorAsInactive: Client = withIntrospection(
  (introspect) =>
    (...args) =>
      Effect.orElseSucceed(introspect(...args), () => ({ active: false }))
)

/** Ignores revocation errors. */
export const swallowsRevocationErrors: Client = {
  ...ours,
  revocation: (client) =>
    Effect.map(Revocation.make(client), ({ revoke }) => ({ revoke: (...args) => Effect.ignore(revoke(...args)) }))
}

/** Removes the token from the store only after the server has revoked it. */
export const revokesBeforeRemoving: Client = {
  ...ours,
  signOut: (options) =>
    Effect.gen(function* () {
      const { revoke } = yield* Revocation.make(options)
      const store = yield* TokenStore.TokenStore
      const { token, version } = yield* Effect.orDie(Effect.flatten(store.get(RefreshToken.keyOf(options))))
      yield* revoke(token.accessToken)
      yield* store.remove(RefreshToken.keyOf(options), version)
    })
}

/** Reports a rejected registration as `Unavailable`. */
export const reportsUnsupportedAsUnavailable: Client = {
  ...ours,
  register: (...args) =>
    Effect.mapError(Registration.register(...args), (error) =>
      error._tag === "TokenError" ? new TokenError({ reason: "Unavailable", detail: error.detail }) : error
    )
}

/** Repeats a rejected registration without redirect URIs. */
export const dropsRejectedMetadata: Client = {
  ...ours,
  register: (server, metadata) =>
    Effect.orElse(Registration.register(server, metadata), () =>
      Registration.register(server, { grant_types: ["client_credentials"], redirect_uris: [], response_types: [] })
    )
}
