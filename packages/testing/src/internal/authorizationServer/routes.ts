import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import { type Handler, post, type Row } from "../httpServer/router.js"
import type { TokenRequest } from "../profiles/profile.js"
import * as Authorize from "./endpoints/authorize.js"
import * as Introspection from "./endpoints/introspection.js"
import * as Metadata from "./endpoints/metadata.js"
import * as Resource from "./endpoints/protectedResource.js"
import * as Registration from "./endpoints/registration.js"
import * as Fault from "./faults/fault.js"
import * as Device from "./grants/deviceCode.js"
import { grant } from "./grants/grants.js"
import { authenticateOrSigned } from "./grants/jwtBearer.js"
import * as Form from "./http/form.js"
import * as Refusal from "./http/oauthError.js"
import * as Behavior from "./profileBehavior.js"
import * as Placed from "./profileEndpoints.js"
import type { Server } from "./serverState.js"
import * as Calls from "./tokenCallLog.js"
import * as Dpop from "./tokens/dpop.js"

const refusal =
  (server: Server, entry: Calls.Entry, request: TokenRequest | undefined) =>
  (refusal: Refusal.Refusal): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
    if (entry.outcome === "withheld") entry.outcome = refusal.error
    return Behavior.refused(server.profile, refusal, request)
  }

const answer = (
  server: Server,
  request: HttpServerRequest.HttpServerRequest,
  form: Form.Form | Refusal.Refusal,
  entry: Calls.Entry
): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
  const { profile } = server
  if (form instanceof Refusal.Refusal) return refusal(server, entry, undefined)(form)
  const asked = Behavior.requestOf(request, form)
  return Effect.gen(function* () {
    const rejected = Behavior.rejected(profile, asked)
    if (rejected !== undefined) {
      entry.outcome = "invalid_request"
      return yield* rejected
    }
    const client = yield* authenticateOrSigned(server, request, form, entry.at)
    const proved = yield* Dpop.prove(server, request, { place: "token", now: entry.at })
    const jkt = server.settings.dpop.downgrade ? undefined : proved
    return yield* Behavior.granted(profile, { ...(yield* grant({ server, client, form, jkt, entry })) }, asked)
  }).pipe(Effect.catchTag("Refusal", refusal(server, entry, asked)))
}

const withheld = HttpServerResponse.empty()

const token =
  (server: Server): Handler =>
  (request) =>
    Effect.gen(function* () {
      const form = yield* Form.read(request).pipe(Effect.catchTag("Refusal", Effect.succeed))
      const now = (yield* Effect.clock).unsafeCurrentTimeMillis()
      const grantType = form instanceof Refusal.Refusal ? undefined : form.get("grant_type")
      const entry = Calls.open(server.calls, grantType, now)
      const fault = Fault.pick(server.faults, entry)
      if (fault === undefined) return yield* answer(server, request, form, entry)
      entry.faulty = true
      const own = fault.afterGrant ? yield* answer(server, request, form, entry) : withheld
      return yield* fault.answer(own, { request, closing: server.closing })
    })

const standard = (server: Server): ReadonlyArray<Row> => [
  ...Metadata.routes(server),
  ...Authorize.routes(server),
  ...Device.routes(server),
  post("/token", Dpop.nonced(server, token(server))),
  ...Introspection.routes(server),
  ...Registration.routes(server),
  ...Resource.routes(server)
]

/** All routes, at the paths of the profile if there is one. */
export const routes = (server: Server): ReadonlyArray<Row> =>
  server.profile === undefined ? standard(server) : Placed.rows(server, server.profile, standard(server))
