import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Request from "../../httpServer/requestReader.js"
import { empty, json } from "../../httpServer/responses.js"
import type { Handler, Row } from "../../httpServer/router.js"
import type { Server } from "../serverState.js"
import * as Dpop from "../tokens/dpop.js"
import { asymmetric } from "../tokens/jwt.js"
import * as Tokens from "../tokens/tokens.js"
import * as Demands from "./stepUpChallenge.js"

/** The path of an endpoint that requires a token. */
type Place = "resource" | "userinfo"

type Response = HttpServerResponse.HttpServerResponse

/** A challenge with the URL of the resource metadata (RFC 9728 §5.1). The error codes are those of RFC 6750 §3.1. */
const challenge = (server: Server, status: number, scheme: string, params: ReadonlyArray<string>): Response => {
  const metadata = `resource_metadata="${server.issuer}/.well-known/oauth-protected-resource/resource"`
  return empty(status, { "www-authenticate": `${scheme} ${[...params, metadata].join(", ")}` })
}

/** DPoP challenge (RFC 9449 §7.1). */
const unproved = (server: Server, error: string): Response =>
  challenge(server, 401, "DPoP", [`error="${error}"`, `algs="${asymmetric.join(" ")}"`])

/** Whether a token is for this endpoint. A token for another resource is rejected (RFC 8707 §2). */
const isFor = ({ issuer }: Server, { audience }: Tokens.Subject, place: Place): boolean =>
  audience === undefined || audience.includes(`${issuer}/${place}`)

/** A request to a protected endpoint. */
interface Asked {
  readonly server: Server
  readonly request: HttpServerRequest.HttpServerRequest
  readonly place: Place
  readonly now: number
}

const subjectOf = ({ now, place, server }: Asked, token: string): Tokens.Subject | undefined => {
  const subject = Tokens.subjectOf(server.tokens, server.settings, token, now)
  return subject !== undefined && isFor(server, subject, place) ? subject : undefined
}

/** Validates a Bearer token. A bound token is rejected as Bearer token. */
const byBearer = (asked: Asked, token: string): Effect.Effect<Tokens.Subject, Response> => {
  const { server } = asked
  if (server.settings.dpop.required) return Effect.fail(unproved(server, "invalid_token"))
  const subject = subjectOf(asked, token)
  return subject === undefined || subject.jkt !== undefined
    ? Effect.fail(challenge(server, 401, "Bearer", ['error="invalid_token"']))
    : Effect.succeed(subject)
}

/** Validates a bound token with its proof (RFC 9449 §7.1). */
const byProof = (asked: Asked, token: string): Effect.Effect<Tokens.Subject, Response> =>
  Dpop.prove(asked.server, asked.request, { ...asked, token }).pipe(
    Effect.mapError(({ error }) => unproved(asked.server, error)),
    Effect.flatMap((jkt) => {
      const subject = subjectOf(asked, token)
      return subject === undefined || jkt === undefined || subject.jkt !== jkt
        ? Effect.fail(unproved(asked.server, "invalid_token"))
        : Effect.succeed(subject)
    })
  )

const authenticated = (asked: Asked): Effect.Effect<Tokens.Subject, Response> => {
  const bound = Request.credentials(asked.request, "DPoP")
  if (bound !== undefined) return byProof(asked, bound)
  const token = Request.credentials(asked.request, "Bearer")
  if (token !== undefined) return byBearer(asked, token)
  return Effect.fail(challenge(asked.server, 401, asked.server.settings.dpop.required ? "DPoP" : "Bearer", []))
}

/** Responds to a request with a valid token that satisfies the step-up parameters of the query. */
const opened =
  (
    server: Server,
    place: Place,
    answer: (subject: Tokens.Subject) => unknown,
    queryOf: (request: HttpServerRequest.HttpServerRequest) => URLSearchParams
  ): Handler =>
  (request) =>
    Effect.gen(function* () {
      const now = (yield* Effect.clock).unsafeCurrentTimeMillis()
      const subject = yield* authenticated({ server, request, place, now })
      const missing = Demands.unmet(subject, queryOf(request), now)
      if (missing !== undefined) return challenge(server, missing.status, "Bearer", missing.params)
      return yield* json(answer(subject))
    }).pipe(Effect.catchAll(Effect.succeed))

const resource = ({ clientId, scope, user }: Tokens.Subject) => ({
  ok: true,
  client_id: clientId,
  scope: scope ?? "",
  ...(user === undefined ? {} : { sub: user })
})

/** UserInfo response (OpenID Connect Core §5.3). */
const userinfo = ({ clientId, user }: Tokens.Subject) => ({ sub: user ?? clientId })

const row = (server: Server, place: Place, handler: Handler): Row => ({
  methods: ["GET", "POST"],
  path: `/${place}`,
  handler: Dpop.nonced(server, handler)
})

const openid = new URLSearchParams({ scope: "openid" })

export const routes = (server: Server): ReadonlyArray<Row> => [
  row(server, "resource", opened(server, "resource", resource, Request.query)),
  row(
    server,
    "userinfo",
    opened(server, "userinfo", userinfo, () => openid)
  )
]
