import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Request from "../../httpServer/requestReader.js"
import { empty, json } from "../../httpServer/responses.js"
import { type Handler, post, type Row } from "../../httpServer/router.js"
import * as Secret from "../../randomSecret.js"
import * as Client from "../clients/client.js"
import { answer, noStore, refuse, type Refusal } from "../http/oauthError.js"
import { clockOf, type Server } from "../serverState.js"

const text = Schema.optional(Schema.String)

/** The metadata that the server uses (RFC 7591 §2). Other members are returned unchanged. */
const Metadata = Schema.Struct(
  {
    redirect_uris: Schema.optional(Schema.Array(Schema.String)),
    token_endpoint_auth_method: Schema.optional(
      Schema.Literal("none", "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt")
    ),
    grant_types: Schema.optional(Schema.Array(Schema.String)),
    jwks: Schema.optional(
      Schema.Struct({
        keys: Schema.Array(
          Schema.Struct({ kty: Schema.String, kid: text, crv: text, x: text, y: text, n: text, e: text })
        )
      })
    )
  },
  { key: Schema.String, value: Schema.Unknown }
)

/** Whether a redirect URI is allowed: https, a loopback address, or a private scheme, without a fragment. */
const isRedirect = (uri: string): boolean => {
  if (!URL.canParse(uri) || uri.includes("#")) return false
  const { hostname, protocol } = new URL(uri)
  if (protocol === "http:") return ["127.0.0.1", "[::1]", "localhost"].includes(hostname)
  return !["javascript:", "data:", "file:"].includes(protocol)
}

const flaw = ({ grant_types, jwks, redirect_uris = [], ...metadata }: typeof Metadata.Type): Refusal | undefined => {
  if (!redirect_uris.every(isRedirect))
    return refuse(
      "invalid_redirect_uri",
      "a redirect URI must use https, loopback or a private scheme, without a fragment"
    )
  if ((grant_types ?? ["authorization_code"]).includes("authorization_code") && redirect_uris.length === 0) {
    return refuse("invalid_redirect_uri", "missing redirect_uris")
  }
  return metadata.token_endpoint_auth_method === "private_key_jwt" && jwks === undefined
    ? refuse("invalid_client_metadata", "missing jwks")
    : undefined
}

const register = (server: Server, metadata: typeof Metadata.Type, now: number) => {
  const { grant_types = ["authorization_code"], jwks, redirect_uris = [] } = metadata
  const { token_endpoint_auth_method: method = "client_secret_basic" } = metadata
  const id = Secret.random().slice(0, 16)
  const secret = method.startsWith("client_secret") ? Secret.random() : undefined
  const redirectUris = redirect_uris
  server.clients.set(
    id,
    Client.of(id, { secret, jwks, redirectUris, grantTypes: grant_types, public: method === "none" })
  )
  return {
    ...metadata,
    grant_types,
    token_endpoint_auth_method: method,
    client_id: id,
    client_id_issued_at: Math.floor(clockOf(server, now) / 1000),
    ...(secret === undefined ? {} : { client_secret: secret, client_secret_expires_at: 0 })
  }
}

const decode = (body: Uint8Array): Effect.Effect<typeof Metadata.Type, Refusal> =>
  Effect.mapError(Schema.decodeUnknown(Schema.parseJson(Metadata))(new TextDecoder().decode(body)), () =>
    refuse("invalid_client_metadata", "invalid JSON or types")
  )

const registered = (
  server: Server,
  now: number
): Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  Refusal | Request.UnreadableBody,
  HttpServerRequest.HttpServerRequest
> =>
  Effect.gen(function* () {
    const metadata = yield* decode(yield* Request.body)
    const wrong = flaw(metadata)
    if (wrong !== undefined) return yield* wrong
    return yield* json(register(server, metadata, now), { status: 201, headers: noStore })
  })

/** Dynamic client registration (RFC 7591 §3). */
const handle =
  (server: Server): Handler =>
  (request) => {
    const { initialAccessToken } = server.settings
    if (initialAccessToken !== undefined && Request.credentials(request, "Bearer") !== initialAccessToken) {
      return Effect.succeed(empty(401, { "www-authenticate": 'Bearer error="invalid_token"' }))
    }
    return Effect.clockWith((clock) =>
      Effect.catchTag(registered(server, clock.unsafeCurrentTimeMillis()), "Refusal", answer)
    )
  }

export const routes = (server: Server): ReadonlyArray<Row> => [post("/register", handle(server))]
