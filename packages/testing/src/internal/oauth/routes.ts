import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import { empty, json } from "../server/answer.js"
import * as Request from "../server/request.js"
import { get, type Handler, post, type Row } from "../server/routes.js"
import * as Calls from "./calls.js"
import { authenticate } from "./clientAuth.js"
import * as Fault from "./fault.js"
import * as Form from "./form.js"
import { grant } from "./grants.js"
import { Refusal } from "./refusal.js"
import type { Settings } from "./settings.js"
import * as Tokens from "./tokens.js"

/** One running server. */
export interface Server {
  readonly settings: Settings
  readonly tokens: Tokens.Tokens
  /** What is answered in its place, counted from the call with this index on. */
  faults: { readonly from: number; readonly script: Fault.Script }
  /** The calls of the token endpoint, faulty ones included. */
  readonly calls: Array<Calls.Entry>
  /** Ends when the server does. */
  readonly closing: Effect.Effect<void>
}

/** Answers of the token endpoint are kept by no cache (RFC 6749 §5.1). */
const noStore = { "cache-control": "no-store", pragma: "no-cache" }

const refusal =
  (entry: Calls.Entry) =>
  ({ description, error }: Refusal): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
    if (entry.outcome === "withheld") entry.outcome = error
    const body = { error, error_description: description }
    return error === "invalid_client"
      ? json(body, { status: 401, headers: { ...noStore, "www-authenticate": 'Basic realm="token"' } })
      : json(body, { status: 400, headers: noStore })
  }

const answer = (
  { settings, tokens }: Server,
  request: HttpServerRequest.HttpServerRequest,
  form: Form.Form | Refusal,
  entry: Calls.Entry
): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  (form instanceof Refusal
    ? form
    : authenticate(settings, request, form).pipe(
        Effect.flatMap((clientId) => grant({ settings, tokens, clientId, form, entry })),
        Effect.flatMap((response) => json(response, { headers: noStore }))
      )
  ).pipe(Effect.catchTag("Refusal", refusal(entry)))

const withheld = HttpServerResponse.empty()

const token =
  (server: Server): Handler =>
  (request) =>
    Effect.gen(function* () {
      const form = yield* Form.read(request).pipe(Effect.catchTag("Refusal", Effect.succeed))
      const now = (yield* Effect.clock).unsafeCurrentTimeMillis()
      const grantType = form instanceof Refusal ? undefined : form.get("grant_type")
      const entry = Calls.open(server.calls, grantType, now)
      const fault = Fault.pick(server.faults, entry)
      if (fault === undefined) return yield* answer(server, request, form, entry)
      entry.faulty = true
      const own = fault.afterGrant ? yield* answer(server, request, form, entry) : withheld
      return yield* fault.answer(own, { request, closing: server.closing })
    })

const insufficient = (scope: string) =>
  empty(403, { "www-authenticate": `Bearer error="insufficient_scope", scope="${scope}"` })

/** RFC 6750 §3: no token, no error code; a bad one is `invalid_token`; one that may not is `insufficient_scope`. */
const resource =
  ({ settings, tokens }: Server): Handler =>
  (request) =>
    Effect.clockWith((clock) => {
      const token = Request.credentials(request, "Bearer")
      if (token === undefined) return Effect.succeed(empty(401, { "www-authenticate": "Bearer" }))
      const subject = Tokens.subjectOf(tokens, settings, token, clock.unsafeCurrentTimeMillis())
      if (subject === undefined)
        return Effect.succeed(empty(401, { "www-authenticate": 'Bearer error="invalid_token"' }))
      const needed = Request.query(request).get("scope")
      const isAllowed = needed === null || (subject.scope ?? "").split(" ").includes(needed)
      return isAllowed
        ? json({ ok: true, client_id: subject.clientId, scope: subject.scope ?? "" })
        : Effect.succeed(insufficient(needed.replaceAll(/[^\w.:/-]/g, "")))
    })

/** The fields of RFC 8414 §2 for the endpoints that this server has; OpenID Connect's document is the same here. */
const metadata = (issuer: string, { scopes }: Settings) => ({
  issuer,
  token_endpoint: `${issuer}/token`,
  token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
  grant_types_supported: ["client_credentials", "refresh_token"],
  response_types_supported: [],
  ...(scopes === undefined ? {} : { scopes_supported: scopes })
})

export const routes = (server: Server, issuer: string): ReadonlyArray<Row> => [
  get("/.well-known/oauth-authorization-server", () => json(metadata(issuer, server.settings))),
  get("/.well-known/openid-configuration", () => json(metadata(issuer, server.settings))),
  post("/token", token(server)),
  { methods: ["GET", "POST"], path: "/resource", handler: resource(server) }
]
