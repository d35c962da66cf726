/** Clients that are broken in how they sign somebody in. */
import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as DeviceCode from "@countersign/auth/DeviceCode"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { createHash } from "node:crypto"
import type { Client } from "../../../src/Client.js"
import { ours } from "../../../src/Client.js"
import { foreignNonce } from "../../../src/cases/codeAttacks.js"
import { rewriting } from "./wire.js"

type SignIn = AuthorizationCode.Service

const signingIn = (change: (service: SignIn, options: AuthorizationCode.Options) => SignIn): Client => ({
  ...ours,
  signIn: (options) => Effect.map(AuthorizationCode.make(options), (service) => change(service, options))
})

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
