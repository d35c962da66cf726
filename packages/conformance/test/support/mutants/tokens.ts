/** Clients that are broken in how they get, keep and end tokens. */
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
import { TokenError } from "@countersign/client/Errors"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { Client } from "../../../src/Client.js"
import { ours } from "../../../src/Client.js"

type Service = OAuth2.Service

const conversing = (change: (service: Service) => Partial<Service>): Client => ({
  ...ours,
  conversation: (client) => Effect.map(OAuth2.make(client), (service) => ({ ...service, ...change(service) }))
})

/** Tokens are not bound, or not known to be. */
export const unbound: Client = {
  ...ours,
  conversation: (client) => OAuth2.make({ ...client, dpop: undefined }),
  signIn: (options) => AuthorizationCode.make({ ...options, dpop: undefined })
}

/** Whatever the server says, it is asked again. */
export const insistent: Client = conversing(({ clientCredentials, refresh }) => ({
  clientCredentials: (parameters) => Effect.retry(clientCredentials(parameters), { times: 2 }),
  refresh: (...args) => Effect.retry(refresh(...args), { times: 2 })
}))

const changing = (change: (error: TokenError) => TokenError): Client => ({
  ...conversing(({ clientCredentials, refresh }) => ({
    clientCredentials: (parameters) => Effect.mapError(clientCredentials(parameters), change),
    refresh: (...args) => Effect.mapError(refresh(...args), change)
  })),
  refreshing: (options) =>
    Layer.unwrapEffect(
      Effect.map(OAuth2.make(options), ({ refresh }) =>
        Bearer.layerCustom({
          key: RefreshToken.keyOf(options),
          mint: (previous) => {
            const token = Option.getOrUndefined(previous)?.refreshToken ?? Redacted.make("none")
            return Effect.mapError(refresh(token), change)
          }
        })
      )
    )
})

/** Every failure is the end. */
export const desperate: Client = changing(
  ({ detail, error }) => new TokenError({ reason: "ReauthorizationRequired", detail, error })
)

/** A dead token is one failure among others. */
export const indifferent: Client = changing(
  ({ detail, error }) => new TokenError({ reason: "Rejected", detail, error })
)

/** An error says more than is good. */
const quoting = (text: (client: OAuth2.Client) => string): Client => ({
  ...ours,
  conversation: (client) =>
    Effect.map(OAuth2.make(client), (service) => {
      const more = ({ detail, error, reason }: TokenError) =>
        new TokenError({ reason, error, detail: `${detail}: ${text(client)}` })
      return { ...service, clientCredentials: (form) => Effect.mapError(service.clientCredentials(form), more) }
    })
})

/** An error quotes what was sent. */
export const talkative: Client = quoting(({ clientSecret }) => (clientSecret ? Redacted.value(clientSecret) : ""))

/** An error shows what the server says as it is. */
export const verbatim: Client = quoting(() => "\u001b[2J")

/** What is refused is asked for with less. */
export const contented: Client = conversing(({ clientCredentials, refresh }) => ({
  clientCredentials: (parameters) => Effect.catchAll(clientCredentials(parameters), () => clientCredentials({})),
  refresh: (token, parameters) => Effect.catchAll(refresh(token, parameters), () => refresh(token))
}))

const expired = (expiresAt: number | undefined, now: number) => expiresAt !== undefined && now >= expiresAt

/** Everybody who finds that the token has expired, or is refused, refreshes it. */
const refreshedByEverybody = (options: RefreshToken.Options) =>
  Effect.gen(function* () {
    const store = yield* TokenStore.TokenStore
    const { refresh } = yield* OAuth2.make(options)
    const key = RefreshToken.keyOf(options)
    let generation = 0
    const stored = Effect.flatten(store.get(key)).pipe(
      Effect.catchTag("NoSuchElementException", () => Effect.dieMessage("nobody has signed in"))
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
      renew: () => Effect.as(anew, true),
      gaveUp: () => Effect.void
    }
    return Context.make(TokenSource.TokenSource, source).pipe(Context.add(Auth.Auth, Bearer.fromSource(source)))
  })

export const everybody: Client = {
  ...ours,
  refreshing: (options) => Layer.effectContext(refreshedByEverybody(options))
}

/** A token that was refused is not replaced. */
export const loyal: Client = {
  ...ours,
  service: (options) =>
    Layer.map(ClientCredentials.layer(options), (context) =>
      Context.add(context, Auth.Auth, { ...Context.get(context, Auth.Auth), onRejected: () => Effect.succeed(false) })
    )
}

/** Whom a token is meant for is not looked at. */
export const takingAll: Client = {
  ...ours,
  verify: (token, options) =>
    ours.verify(token, { ...options, audience: ["https://orders.test/", "https://payments.test/"] })
}

const introspecting = (
  change: (introspect: Introspection.Service["introspect"]) => Introspection.Service["introspect"]
): Client => ({
  ...ours,
  introspection: (client) =>
    Effect.map(Introspection.make(client), ({ introspect }) => ({ introspect: change(introspect) }))
})

/** An answer is a yes. */
export const credulous: Client = introspecting(
  (introspect) =>
    (...args) =>
      Effect.as(introspect(...args), { active: true, claims: {} })
)

/** What is refused is a no. */
export const dismissive: Client = introspecting(
  (introspect) =>
    (...args) =>
      Effect.orElseSucceed(introspect(...args), () => ({ active: false }))
)

/** What fails is not told of. */
export const silent: Client = {
  ...ours,
  revocation: (client) =>
    Effect.map(Revocation.make(client), ({ revoke }) => ({ revoke: (...args) => Effect.ignore(revoke(...args)) }))
}

/** Signs somebody out here when the server has done so there. */
export const deferential: Client = {
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

/** A server that does not want it seems to be away. */
export const misled: Client = {
  ...ours,
  register: (...args) =>
    Effect.mapError(Registration.register(...args), (error) =>
      error._tag === "TokenError" ? new TokenError({ reason: "Unavailable", detail: error.detail }) : error
    )
}

/** What the server does not like is left out. */
export const accommodating: Client = {
  ...ours,
  register: (server, metadata) =>
    Effect.orElse(Registration.register(server, metadata), () =>
      Registration.register(server, { grant_types: ["client_credentials"], redirect_uris: [], response_types: [] })
    )
}
