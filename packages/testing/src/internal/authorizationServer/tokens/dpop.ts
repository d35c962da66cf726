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

/** The path of an endpoint that takes proofs. */
type Place = "token" | "par" | "resource" | "userinfo"

/** How far the time of a proof may be from this server's, in milliseconds. */
const leeway = 5 * 60_000

/** The public key in a proof; one with a private part shows what is to be kept secret (RFC 9449 §4.3, item 7). */
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

/** The nonce that is given out now: one for all endpoints, since clients keep one for an origin (RFC 9449 §8.2). */
const nonceOf = (server: Server, now: number): string => {
  const at = period(server, now)
  const nonce = server.nonces.get(at) ?? Secret.random()
  server.nonces.set(at, nonce)
  return nonce
}

/** A nonce is taken while it is given out, and for as long again. */
const isNonce = (server: Server, nonce: unknown, now: number): boolean => {
  const at = period(server, now)
  return typeof nonce === "string" && [at, at - 1].some((at) => server.nonces.get(at) === nonce)
}

/** Where and when a proof came, and with which access token. */
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
  if (header["typ"] !== "dpop+jwt") return "typ is not dpop+jwt"
  if (htm !== method) return "htm is not the method"
  if (htu !== `${server.issuer}/${place}`) return "htu is not this endpoint without its query"
  if (typeof jti !== "string" || jti === "") return "jti is missing"
  const isNow = typeof iat === "number" && Math.abs(iat * 1000 - clockOf(server, now)) <= leeway
  return isNow ? undefined : "iat is missing, or not now"
}

const invalid = (flaw: string): Refusal => refuse("invalid_dpop_proof", flaw)

const verified = (jwt: Jwt.Jwt): Effect.Effect<string, Refusal> => {
  const key = Option.getOrUndefined(Schema.decodeUnknownOption(PublicKey)(jwt.header["jwk"]))
  if (key === undefined) return Effect.fail(invalid("jwk is no public key"))
  return Effect.flatMap(Jwt.verify(jwt, [key]), (isSigned) =>
    isSigned ? Jwt.thumbprint(key) : Effect.fail(invalid("the key has not signed it"))
  )
}

const isBoundTo = ({ ath }: Jwt.Jwt["claims"], token: string | undefined): Effect.Effect<boolean> =>
  token === undefined ? Effect.succeed(true) : Effect.map(Jwt.sha256(token), (hash) => ath === hash)

/**
 * The thumbprint of the key that a request proves (RFC 9449 §4.3), or `undefined` for one without a proof. A proof is
 * taken once.
 */
export const prove = (
  server: Server,
  request: HttpServerRequest.HttpServerRequest,
  asked: Asked
): Effect.Effect<string | undefined, Refusal> =>
  Effect.gen(function* () {
    const { dpop } = server.settings
    const text = request.headers["dpop"]
    if (text === undefined) return dpop.required ? yield* invalid("DPoP is missing") : undefined
    const jwt = Option.getOrUndefined(Jwt.decode(text))
    if (jwt === undefined) return yield* invalid("it is no JWT")
    const jkt = yield* verified(jwt)
    const wrong = flaw(server, request, jwt, asked)
    if (wrong !== undefined) return yield* invalid(wrong)
    if (!(yield* isBoundTo(jwt.claims, asked.token))) return yield* invalid("ath is not that of the token")
    if (dpop.nonce && !isNonce(server, jwt.claims["nonce"], asked.now)) {
      return yield* refuse("use_dpop_nonce", "the proof has no nonce of this server, or an old one")
    }
    if (!isFirst(server, "proof", jkt, String(jwt.claims["jti"]))) return yield* invalid("jti was used already")
    return jkt
  })

/** Gives out a nonce with every answer, good ones included (RFC 9449 §8.2). */
export const nonced =
  (server: Server, handler: Handler): Handler =>
  (request, params) =>
    server.settings.dpop.nonce
      ? Effect.zipWith(handler(request, params), Effect.clock, (response, clock) => {
          const nonce = nonceOf(server, clock.unsafeCurrentTimeMillis())
          return HttpServerResponse.setHeader(response, "dpop-nonce", nonce)
        })
      : handler(request, params)
