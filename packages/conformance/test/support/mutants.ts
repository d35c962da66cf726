/** Clients that are broken in one place each: what the cases are held against, so that each is seen to fail. */
import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as Bearer from "@countersign/auth/Bearer"
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import * as DeviceCode from "@countersign/auth/DeviceCode"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as Auth from "@countersign/client/Auth"
import { TokenError } from "@countersign/client/Errors"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { createHash } from "node:crypto"
import type { Client } from "../../src/Client.js"
import { ours } from "../../src/Client.js"
import { foreignNonce } from "../../src/cases/codeAttacks.js"

type SignIn = AuthorizationCode.Service
type Service = OAuth2.Service

const signingIn = (change: (service: SignIn, options: AuthorizationCode.Options) => SignIn): Client => ({
  ...ours,
  signIn: (options) => Effect.map(AuthorizationCode.make(options), (service) => change(service, options))
})

const conversing = (change: (service: Service) => Partial<Service>): Client => ({
  ...ours,
  conversation: (client) => Effect.map(OAuth2.make(client), (service) => ({ ...service, ...change(service) }))
})

const sending = (http: Client["http"]): Client => ({ ...ours, http })

/** A client that takes a parameter of the callback for what it should be, as one does that does not compare it. */
const presuming = (name: string, right: (transaction: AuthorizationCode.Transaction) => string): Client =>
  signingIn(({ begin, finish }) => ({
    begin,
    finish: (transaction, callback) => {
      const url = new URL(callback.toString())
      url.searchParams.set(name, right(transaction))
      return finish(transaction, url)
    }
  }))

export const ignoringState: Client = presuming("state", ({ state }) => state)

export const ignoringIssuer: Client = presuming("iss", ({ issuer }) => issuer)

/** The ID token's nonce is taken for the right one, whatever it is. */
export const ignoringNonce: Client = signingIn(({ begin, finish }) => ({
  begin,
  finish: (transaction, callback) =>
    finish(new AuthorizationCode.Transaction({ ...transaction, nonce: foreignNonce }), callback)
}))

/** Whether somebody declined is not looked at. */
export const ignoringErrors: Client = signingIn(({ begin, finish }) => ({
  begin,
  finish: (transaction, callback) => {
    const url = new URL(callback.toString())
    url.searchParams.delete("error")
    url.searchParams.set("code", "none")
    return finish(transaction, url)
  }
}))

/** What was used is not remembered. */
export const forgetful: Client = {
  ...ours,
  signIn: (options) =>
    Effect.gen(function* () {
      const http = yield* HttpClient.HttpClient
      const { begin } = yield* AuthorizationCode.make(options)
      const anew = Effect.provideService(Effect.orDie(AuthorizationCode.make(options)), HttpClient.HttpClient, http)
      return { begin, finish: (...args) => Effect.flatMap(anew, ({ finish }) => finish(...args)) }
    })
}

/** A code that was refused is sent again, and again. */
export const stubborn: Client = {
  ...ours,
  signIn: (options) =>
    Effect.map(forgetful.signIn(options), ({ begin, finish }) => ({
      begin,
      finish: (...args) => Effect.retry(finish(...args), { times: 2 })
    }))
}

const oneVerifier = "a-verifier-that-every-sign-in-has-in-common-is-none"

/** Every sign-in has the same verifier. */
export const constantVerifier: Client = signingIn(({ begin, finish }) => ({
  begin: (...args) =>
    Effect.map(begin(...args), (transaction) => {
      const url = new URL(transaction.url)
      url.searchParams.set("code_challenge", createHash("sha256").update(oneVerifier).digest("base64url"))
      return new AuthorizationCode.Transaction({
        ...transaction,
        url: url.href,
        verifier: Redacted.make(oneVerifier)
      })
    }),
  finish
}))

/** The metadata is not read. */
export const ignoringMetadata: Client = {
  ...ours,
  signIn: (options) =>
    AuthorizationCode.make({
      ...options,
      authorizationEndpoint: `${options.issuer}/auth`,
      tokenEndpoint: `${options.issuer}/token`,
      jwksUri: `${options.issuer}/jwks`
    })
}

/** Requests are never pushed. */
export const unpushed: Client = {
  ...ours,
  signIn: (options) => AuthorizationCode.make({ ...options, pushed: false })
}

const formOf = ({ body }: HttpClientRequest.HttpClientRequest): URLSearchParams | undefined =>
  body._tag === "Uint8Array" ? new URLSearchParams(new TextDecoder().decode(body.body)) : undefined

/** Leaves a parameter out of every form. */
const leavingOut = (name: string): Client =>
  sending(
    HttpClient.mapRequest((request) => {
      const form = formOf(request)
      if (form?.has(name) !== true) return request
      form.delete(name)
      const body = HttpBody.text(form.toString(), "application/x-www-form-urlencoded")
      return HttpClientRequest.setBody(request, body)
    })
  )

export const withoutVerifier: Client = leavingOut("code_verifier")

export const withoutResource: Client = leavingOut("resource")

/** Has no idea of the server's time. */
export const withoutDate: Client = sending((transport) =>
  HttpClient.transformResponse(
    transport,
    Effect.map((response) => {
      const { date: _, ...headers } = response.headers
      return new Proxy(response, {
        // The rest is as it was, for what the response keeps in private members, too.
        get: (target, name): unknown => (name === "headers" ? headers : Reflect.get(target, name, target))
      })
    })
  )
)

const hasNonce = (proof: string): boolean =>
  "nonce" in JSON.parse(Buffer.from(proof.split(".")[1] ?? "", "base64url").toString())

/** One proof is good for all requests to a URL, once it has the nonce. */
export const sameProof: Client = sending((transport) => {
  const proofs = new Map<string, string>()
  return HttpClient.mapRequest(transport, (request) => {
    const { authorization = "", dpop } = request.headers
    if (dpop === undefined || !authorization.startsWith("DPoP ") || !hasNonce(dpop)) return request
    const first = proofs.get(request.url) ?? dpop
    proofs.set(request.url, first)
    return HttpClientRequest.setHeader(request, "dpop", first)
  })
})

type Body = Readonly<Record<string, unknown>>

/** What the token endpoint answers is made into something else before it is looked at. */
const rewriting =
  (change: (body: Body) => Body): Client["http"] =>
  (transport) =>
    HttpClient.transformResponse(
      transport,
      Effect.flatMap((response) => {
        if (!response.request.url.endsWith("/token")) return Effect.succeed(response)
        const { headers, status } = response
        return Effect.map(response.json, (body) =>
          HttpClientResponse.fromWeb(
            response.request,
            Response.json(change(Object(body)), { status, headers: { date: headers["date"] ?? "" } })
          )
        )
      })
    )

/** What an answer lacks is taken to be what it mostly is. */
export const presumptuous: Client = sending(
  rewriting((body) => ({ access_token: "made-up", ...body, token_type: "Bearer" }))
)

/** The token is taken, and the ID token is not looked at. */
export const ignoringIdToken: Client = {
  ...ours,
  http: rewriting(({ id_token: _, ...body }) => body),
  signIn: (options) =>
    Effect.map(AuthorizationCode.make(options), ({ begin, finish }) => ({
      begin,
      finish: (transaction, callback) =>
        finish(new AuthorizationCode.Transaction({ ...transaction, nonce: undefined }), callback)
    }))
}

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
        Bearer.layerMint({
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
export const indifferent: Client = changing(({ detail, error }) => new TokenError({ reason: "Refused", detail, error }))

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
      Context.add(context, Auth.Auth, { ...Context.get(context, Auth.Auth), renew: () => Effect.succeed(false) })
    )
}

/** Whom a token is meant for is not looked at. */
export const takingAll: Client = {
  ...ours,
  verify: (token, options) =>
    ours.verify(token, { ...options, audience: ["https://orders.test/", "https://payments.test/"] })
}

const devices = (change: (service: DeviceCode.Service) => DeviceCode.Service["finish"]): Client => ({
  ...ours,
  device: (options) =>
    Effect.map(DeviceCode.make(options), (service) => ({ begin: service.begin, finish: change(service) }))
})

/** Asks as often as it likes. */
export const hasty: Client = devices(
  ({ finish }) =>
    (pending) =>
      finish(new DeviceCode.Pending({ ...pending, interval: 1000 }))
)

/** Does not look at how long a code is good for. */
export const timeless: Client = devices(
  ({ finish }) =>
    (pending) =>
      finish(new DeviceCode.Pending({ ...pending, expiresAt: pending.expiresAt + 3600_000 }))
)

/** Asks once more when it is over. */
export const hopeful: Client = devices(
  ({ finish }) =>
    (pending) =>
      Effect.retry(finish(pending), { times: 1 })
)

/** Takes a code of an error for another one. */
const mistaking = (code: string): Client =>
  sending(rewriting((body) => (body["error"] === code ? { error: "authorization_pending" } : body)))

/** Does not slow down. */
export const unslowed: Client = mistaking("slow_down")

/** Does not take no for an answer. */
export const undeterred: Client = mistaking("access_denied")
