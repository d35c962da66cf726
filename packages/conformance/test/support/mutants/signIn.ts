/** Clients with a broken sign-in. */
import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as DeviceCode from "@countersign/auth/DeviceCode"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { createHash } from "node:crypto"
import type { Client } from "../../../src/Client.js"
import { ours } from "../../../src/Client.js"
import { foreignNonce } from "../../../src/cases/codeAttacks.js"
import { rewriteTokenResponse } from "./wire.js"

type SignIn = AuthorizationCode.Service

const withSignIn = (change: (service: SignIn, options: AuthorizationCode.Options) => SignIn): Client => ({
  ...ours,
  signIn: (options) => Effect.map(AuthorizationCode.make(options), (service) => change(service, options))
})

/** Replaces a callback parameter with the expected value, like a client that does not compare it. */
const overwritesCallback = (name: string, right: (transaction: AuthorizationCode.Transaction) => string): Client =>
  withSignIn(({ start, complete }) => ({
    start,
    complete: (transaction, callback) => {
      const url = new URL(callback.toString())
      url.searchParams.set(name, right(transaction))
      return complete(transaction, url)
    }
  }))

export const ignoringState: Client = overwritesCallback("state", ({ state }) => state)

export const ignoringIssuer: Client = overwritesCallback("iss", ({ issuer }) => issuer)

/** Accepts any nonce in the ID token. */
export const ignoringNonce: Client = withSignIn(({ start, complete }) => ({
  start,
  complete: (transaction, callback) =>
    complete(new AuthorizationCode.Transaction({ ...transaction, nonce: foreignNonce }), callback)
}))

/** Ignores `error` in the callback. */
export const ignoringErrors: Client = withSignIn(({ start, complete }) => ({
  start,
  complete: (transaction, callback) => {
    const url = new URL(callback.toString())
    url.searchParams.delete("error")
    url.searchParams.set("code", "none")
    return complete(transaction, url)
  }
}))

/** Accepts the token without validating the ID token. */
export const ignoringIdToken: Client = {
  ...ours,
  http: rewriteTokenResponse(({ id_token: _, ...body }) => body),
  signIn: (options) =>
    Effect.map(AuthorizationCode.make(options), ({ start, complete }) => ({
      start,
      complete: (transaction, callback) =>
        complete(new AuthorizationCode.Transaction({ ...transaction, nonce: undefined }), callback)
    }))
}

/** Accepts a transaction twice. */
export const reusesTransaction: Client = {
  ...ours,
  signIn: (options) =>
    Effect.gen(function* () {
      const http = yield* HttpClient.HttpClient
      const { start } = yield* AuthorizationCode.make(options)
      const anew = Effect.provideService(Effect.orDie(AuthorizationCode.make(options)), HttpClient.HttpClient, http)
      return { start, complete: (...args) => Effect.flatMap(anew, ({ complete }) => complete(...args)) }
    })
}

/** Sends a rejected code twice more. */
export const retriesRejectedCode: Client = {
  ...ours,
  signIn: (options) =>
    Effect.map(reusesTransaction.signIn(options), ({ start, complete }) => ({
      start,
      complete: (...args) => Effect.retry(complete(...args), { times: 2 })
    }))
}

const oneVerifier = "a-verifier-that-every-sign-in-has-in-common-is-none"

/** Uses the same verifier for every sign-in. */
export const constantVerifier: Client = withSignIn(({ start, complete }) => ({
  start: (...args) =>
    Effect.map(start(...args), (transaction) => {
      const url = new URL(transaction.url)
      url.searchParams.set("code_challenge", createHash("sha256").update(oneVerifier).digest("base64url"))
      return new AuthorizationCode.Transaction({
        ...transaction,
        url: url.href,
        verifier: Redacted.make(oneVerifier)
      })
    }),
  complete
}))

/** Ignores the server's metadata. */
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

/** Never pushes authorization requests. */
export const withoutPar: Client = {
  ...ours,
  signIn: (options) => AuthorizationCode.make({ ...options, usePar: false })
}

const withDeviceFinish = (change: (service: DeviceCode.Service) => DeviceCode.Service["poll"]): Client => ({
  ...ours,
  device: (options) =>
    Effect.map(DeviceCode.make(options), (service) => ({ start: service.start, poll: change(service) }))
})

/** Polls every second, whatever the interval of the server. */
export const ignoresPollInterval: Client = withDeviceFinish(
  ({ poll }) =>
    (pending) =>
      poll(new DeviceCode.DeviceAuthorization({ ...pending, interval: 1000 }))
)

/** Polls for an hour after the code has expired. */
export const ignoresCodeExpiry: Client = withDeviceFinish(
  ({ poll }) =>
    (pending) =>
      poll(new DeviceCode.DeviceAuthorization({ ...pending, expiresAt: pending.expiresAt + 3600_000 }))
)

/** Polls again after the code has expired. */
export const pollsAfterExpiry: Client = withDeviceFinish(
  ({ poll }) =>
    (pending) =>
      Effect.retry(poll(pending), { times: 1 })
)
