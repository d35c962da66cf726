import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Handler } from "../../httpServer/router.js"
import * as Secret from "../../randomSecret.js"
import { refuse, type Refusal } from "../http/oauthError.js"
import { clockOf, isFirst, type Server } from "../serverState.js"
import * as Jwt from "./jwt.js"

/** The path of an endpoint that accepts proofs. */
type Place = "token" | "par" | "resource" | "userinfo"

/** Allowed difference between the time of a proof and the server's clock, in milliseconds. */
const leeway = 5 * 60_000

/** Public key of a proof. A key with a private part is rejected (RFC 9449 §4.3, item 7). */
const PublicKey = Schema.Struct({
  kty: Schema.Literal("EC", "RSA", "OKP"),
  crv: Schema.optional(Schema.String),
  x: Schema.optional(Schema.String),
  y: Schema.optional(Schema.String),
  n: Schema.optional(Schema.String),
  e: Schema.optional(Schema.String),
  d: Schema.optional(Schema.Undefined)
})

const period = ({ settings }: Server, now: number): number => Math.floor(now / settings.dpop.nonceLifetime)

/** The current nonce. It is the same for all endpoints, because clients store one per origin (RFC 9449 §8.2). */
const nonceOf = (server: Server, now: number): string => {
  const at = period(server, now)
  const nonce = server.nonces.get(at) ?? Secret.random()
  server.nonces.set(at, nonce)
  return nonce
}

/** Whether a nonce is the current or the previous one. */
const isNonce = (server: Server, nonce: unknown, now: number): boolean => {
  const at = period(server, now)
  return typeof nonce === "string" && [at, at - 1].some((at) => server.nonces.get(at) === nonce)
}

/** Endpoint, time and access token of a request with a proof. */
interface Asked {
  readonly place: Place
  readonly now: number
  readonly token?: string | undefined
}

const flaw = (
  server: Server,
  { method }: HttpServerRequest.HttpServerRequest,
  { claims, header }: Jwt.Jwt,
  { now, place }: Asked
): string | undefined => {
  const { htm, htu, iat, jti } = claims
  if (header["typ"] !== "dpop+jwt") return "typ must be dpop+jwt"
  if (htm !== method) return "htm differs from the method"
  if (htu !== `${server.issuer}/${place}`) return "htu differs from the URL of the endpoint without query"
  if (typeof jti !== "string" || jti === "") return "missing jti"
  const isNow = typeof iat === "number" && Math.abs(iat * 1000 - clockOf(server, now)) <= leeway
  return isNow ? undefined : "iat is missing or too far from the server's time"
}

const invalid = (flaw: string): Refusal => refuse("invalid_dpop_proof", flaw)

const verified = (jwt: Jwt.Jwt): Effect.Effect<string, Refusal> => {
  const key = Option.getOrUndefined(Schema.decodeUnknownOption(PublicKey)(jwt.header["jwk"]))
  if (key === undefined) return Effect.fail(invalid("jwk is not a public key"))
  return Effect.flatMap(Jwt.verify(jwt, [key]), (isSigned) =>
    isSigned ? Jwt.thumbprint(key) : Effect.fail(invalid("invalid signature"))
  )
}

const isBoundTo = ({ ath }: Jwt.Jwt["claims"], token: string | undefined): Effect.Effect<boolean> =>
  token === undefined ? Effect.succeed(true) : Effect.map(Jwt.sha256(token), (hash) => ath === hash)

/**
 * Verifies the proof of a request (RFC 9449 §4.3). Returns the thumbprint of its key, or `undefined` without a proof. Each
 * proof is accepted once.
 */
export const prove = (
  server: Server,
  request: HttpServerRequest.HttpServerRequest,
  asked: Asked
): Effect.Effect<string | undefined, Refusal> =>
  Effect.gen(function* () {
    const { dpop } = server.settings
    const text = request.headers["dpop"]
    if (text === undefined) return dpop.required ? yield* invalid("missing DPoP header") : undefined
    const jwt = Option.getOrUndefined(Jwt.decode(text))
    if (jwt === undefined) return yield* invalid("invalid JWT")
    const jkt = yield* verified(jwt)
    const wrong = flaw(server, request, jwt, asked)
    if (wrong !== undefined) return yield* invalid(wrong)
    if (!(yield* isBoundTo(jwt.claims, asked.token))) return yield* invalid("ath does not match the access token")
    if (dpop.nonce && !isNonce(server, jwt.claims["nonce"], asked.now)) {
      return yield* refuse("use_dpop_nonce", "nonce is missing or expired")
    }
    if (!isFirst(server, "proof", jkt, String(jwt.claims["jti"]))) return yield* invalid("jti was used before")
    return jkt
  })

/** Adds the current nonce to every response (RFC 9449 §8.2). */
export const nonced =
  (server: Server, handler: Handler): Handler =>
  (request, params) =>
    server.settings.dpop.nonce
      ? Effect.zipWith(handler(request, params), Effect.clock, (response, clock) => {
          const nonce = nonceOf(server, clock.unsafeCurrentTimeMillis())
          return HttpServerResponse.setHeader(response, "dpop-nonce", nonce)
        })
      : handler(request, params)
