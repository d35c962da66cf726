import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import { json } from "../server/answer.js"
import { type Handler, post, type Row } from "../server/routes.js"
import * as Authorize from "./authorize.js"
import * as Calls from "./calls.js"
import * as Device from "./device.js"
import * as Dpop from "./dpop.js"
import * as Fault from "./fault.js"
import * as Form from "./form.js"
import { grant } from "./grants.js"
import * as Introspection from "./introspection.js"
import { authenticateOrSigned } from "./jwtBearer.js"
import * as Metadata from "./metadata.js"
import * as Refusal from "./refusal.js"
import * as Registration from "./registration.js"
import * as Resource from "./resource.js"
import type { Server } from "./server.js"

const refusal =
  (entry: Calls.Entry) =>
  (refusal: Refusal.Refusal): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
    if (entry.outcome === "withheld") entry.outcome = refusal.error
    return Refusal.answer(refusal)
  }

const answer = (
  server: Server,
  request: HttpServerRequest.HttpServerRequest,
  form: Form.Form | Refusal.Refusal,
  entry: Calls.Entry
): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.gen(function* () {
    if (form instanceof Refusal.Refusal) return yield* form
    const client = yield* authenticateOrSigned(server, request, form, entry.at)
    const proved = yield* Dpop.prove(server, request, { place: "token", now: entry.at })
    const jkt = server.settings.dpop.downgrade ? undefined : proved
    return yield* json(yield* grant({ server, client, form, jkt, entry }), { headers: Refusal.noStore })
  }).pipe(Effect.catchTag("Refusal", refusal(entry)))

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

export const routes = (server: Server): ReadonlyArray<Row> => [
  ...Metadata.routes(server),
  ...Authorize.routes(server),
  ...Device.routes(server),
  post("/token", Dpop.nonced(server, token(server))),
  ...Introspection.routes(server),
  ...Registration.routes(server),
  ...Resource.routes(server)
]
