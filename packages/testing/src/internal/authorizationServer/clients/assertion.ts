import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { clockOf, isFirst, type Server } from "../serverState.js"
import * as Jwt from "../tokens/jwt.js"
import type { Client } from "./client.js"

/** The clocks of a client and this server may be this far apart, and a JWT may be good for this long: milliseconds. */
const leeway = 60_000
const longest = 60 * 60_000

const isFor = (aud: unknown, server: Server): boolean => {
  const named: ReadonlyArray<unknown> = Array.isArray(aud) ? aud : [aud]
  return named.includes(server.issuer) || named.includes(server.profile?.endpoints.token ?? `${server.issuer}/token`)
}

const isLater = (time: unknown, latest: number): boolean => time !== undefined && !(Number(time) * 1000 <= latest)

/** What is wrong with the claims of a client's JWT (RFC 7523 §3), or `undefined`. */
const flaw = (server: Server, { aud, exp, iat, nbf, sub }: Jwt.Jwt["claims"], now: number): string | undefined => {
  if (typeof sub !== "string" || sub === "") return "sub is missing"
  if (!isFor(aud, server)) return "aud is not this server"
  if (typeof exp !== "number" || exp * 1000 <= now) return "exp is missing or over"
  if (exp * 1000 > now + longest + leeway) return "exp is more than an hour ahead"
  if (isLater(iat, now + leeway) || isLater(nbf, now + leeway)) return "iat or nbf is yet to come"
  return undefined
}

/** A JWT by one client: with a public key that is registered for it, or its secret where that is allowed. */
export interface Assertion {
  readonly client: Client
  readonly subject: string
  readonly jti: string | undefined
}

/** The client that has made a JWT for this server, or what is wrong with it. */
export const read = (
  server: Server,
  text: string,
  options: { readonly now: number; readonly secret: boolean }
): Effect.Effect<Assertion, string> =>
  Effect.gen(function* () {
    const jwt = Option.getOrUndefined(Jwt.decode(text))
    if (jwt === undefined) return yield* Effect.fail("it is no JWT")
    const { iss, jti, sub } = jwt.claims
    const client = typeof iss === "string" ? server.clients.get(iss) : undefined
    if (client === undefined) return yield* Effect.fail("iss is no client")
    const secret = options.secret && client.secret !== undefined ? Jwt.secretKey(client.secret) : undefined
    const isSigned =
      (yield* Jwt.verify(jwt, client.keys)) || (secret !== undefined && (yield* Jwt.verify(jwt, [secret], ["HS256"])))
    if (!isSigned) return yield* Effect.fail("no registered key has signed it")
    const wrong = flaw(server, jwt.claims, clockOf(server, options.now))
    if (wrong !== undefined) return yield* Effect.fail(wrong)
    return { client, subject: String(sub), jti: typeof jti === "string" ? jti : undefined }
  })

/** Whether a JWT is sent for the first time: it may be, once (RFC 7523 §3, item 7). */
export const isUnused = (server: Server, { client, jti }: Assertion): boolean =>
  jti === undefined || isFirst(server, "assertion", client.id, jti)
