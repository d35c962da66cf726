import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { clockOf, isFirst, type Server } from "../serverState.js"
import * as Jwt from "../tokens/jwt.js"
import type { Client } from "./client.js"

/** Clock leeway, and maximum lifetime of a JWT, in milliseconds. */
const leeway = 60_000
const longest = 60 * 60_000

const isFor = (aud: unknown, server: Server): boolean => {
  const named: ReadonlyArray<unknown> = Array.isArray(aud) ? aud : [aud]
  return named.includes(server.issuer) || named.includes(server.profile?.endpoints.token ?? `${server.issuer}/token`)
}

const isLater = (time: unknown, latest: number): boolean => time !== undefined && !(Number(time) * 1000 <= latest)

/** The first problem of the claims of a client's JWT (RFC 7523 §3), or `undefined`. */
const flaw = (server: Server, { aud, exp, iat, nbf, sub }: Jwt.Jwt["claims"], now: number): string | undefined => {
  if (typeof sub !== "string" || sub === "") return "missing sub"
  if (!isFor(aud, server)) return "aud does not contain this server"
  if (typeof exp !== "number" || exp * 1000 <= now) return "exp is missing or in the past"
  if (exp * 1000 > now + longest + leeway) return "exp is more than an hour in the future"
  if (isLater(iat, now + leeway) || isLater(nbf, now + leeway)) return "iat or nbf is in the future"
  return undefined
}

/** A verified JWT of a client: signed with a registered key, or with its secret where that is allowed. */
export interface Assertion {
  readonly client: Client
  readonly subject: string
  readonly jti: string | undefined
}

/** Verifies a JWT that a client made for this server. Fails with the problem. */
export const read = (
  server: Server,
  text: string,
  options: { readonly now: number; readonly secret: boolean }
): Effect.Effect<Assertion, string> =>
  Effect.gen(function* () {
    const jwt = Option.getOrUndefined(Jwt.decode(text))
    if (jwt === undefined) return yield* Effect.fail("invalid JWT")
    const { iss, jti, sub } = jwt.claims
    const client = typeof iss === "string" ? server.clients.get(iss) : undefined
    if (client === undefined) return yield* Effect.fail("iss is not a known client")
    const secret = options.secret && client.secret !== undefined ? Jwt.secretKey(client.secret) : undefined
    const isSigned =
      (yield* Jwt.verify(jwt, client.keys)) || (secret !== undefined && (yield* Jwt.verify(jwt, [secret], ["HS256"])))
    if (!isSigned) return yield* Effect.fail("the signature matches no registered key")
    const wrong = flaw(server, jwt.claims, clockOf(server, options.now))
    if (wrong !== undefined) return yield* Effect.fail(wrong)
    return { client, subject: String(sub), jti: typeof jti === "string" ? jti : undefined }
  })

/** Whether the `jti` is used for the first time (RFC 7523 §3, item 7). */
export const isUnused = (server: Server, { client, jti }: Assertion): boolean =>
  jti === undefined || isFirst(server, "assertion", client.id, jti)
