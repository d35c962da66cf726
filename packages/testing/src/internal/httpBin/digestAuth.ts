/** Digest authentication (RFC 7616) of the server, from the credentials in the path. */
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import * as Request from "../httpServer/requestReader.js"
import { empty, json } from "../httpServer/responses.js"
import type { Handler, Row } from "../httpServer/router.js"
import { random } from "../randomSecret.js"
import type { Settings, State } from "./state.js"

const hashes: Readonly<Record<string, string>> = { MD5: "md5", "SHA-256": "sha256", "SHA-512-256": "sha512-256" }

/** Another realm than that of Basic, because a client does not answer Basic in a realm that has accepted Digest. */
const realm = "Digest Realm"

/** What a path protects: the credentials, the protection and the algorithm. */
interface Resource {
  readonly user: string
  readonly password: string
  readonly qop: string
  readonly algorithm: string
  readonly hash: (data: string | Uint8Array) => string
}

const resourceOf = (params: Readonly<Record<string, string | undefined>>, settings: Settings): Resource => {
  const { passwd = "", qop = "auth", user = "" } = params
  const algorithm = (params["algorithm"] ?? "MD5").toUpperCase()
  const name = Object.hasOwn(hashes, algorithm) ? (hashes[algorithm] ?? "md5") : "md5"
  return {
    user,
    password: settings.password ?? passwd,
    qop: qop === "auth" || qop === "auth-int" ? qop : "auth, auth-int",
    algorithm: Object.hasOwn(hashes, algorithm) ? algorithm : "MD5",
    hash: (data) => createHash(name).update(data).digest("hex")
  }
}

/** The parameters of a field, by lower-case name. */
const parametersOf = (field: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Array.from(field.matchAll(/([\w*]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g), ([, name = "", quoted, token]) => [
      name.toLowerCase(),
      quoted === undefined ? (token ?? "") : quoted.replace(/\\(.)/g, "$1")
    ])
  )

const challenge = (
  state: State,
  { algorithm, qop }: Resource,
  stale: boolean
): HttpServerResponse.HttpServerResponse => {
  const nonce = random()
  state.digestCounts.set(nonce, new Set())
  const field = `Digest realm="${realm}", nonce="${nonce}", qop="${qop}", opaque="${random()}", algorithm=${algorithm}`
  return empty(401, { "www-authenticate": stale ? `${field}, stale=true` : field })
}

/** The digest of a request, or of its response if the method is empty. */
const digestOf = (
  { hash, password, user }: Resource,
  { cnonce = "", nc = "", nonce = "", qop = "auth", uri = "" }: Readonly<Record<string, string>>,
  method: string,
  body: Uint8Array
): string => {
  const subject = qop === "auth-int" ? `${method}:${uri}:${hash(body)}` : `${method}:${uri}`
  return hash(`${hash(`${user}:${realm}:${password}`)}:${nonce}:${nc}:${cnonce}:${qop}:${hash(subject)}`)
}

const answer = (
  state: State,
  resource: Resource,
  request: HttpServerRequest.HttpServerRequest,
  body: Uint8Array
): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
  const given = parametersOf(Request.credentials(request, "Digest") ?? "")
  const { nc = "", nonce = "", qop = "", response, uri, username } = given
  const isOffered = resource.qop.split(", ").includes(qop)
  const isRight =
    username === resource.user && uri === request.url && response === digestOf(resource, given, request.method, body)
  const counts = state.digestCounts.get(nonce)
  // A nonce that this server has not made is one of an earlier run.
  if (counts === undefined || counts.has(nc)) return Effect.succeed(challenge(state, resource, isRight && isOffered))
  if (!isOffered || !isRight) return Effect.succeed(challenge(state, resource, false))
  counts.add(nc)
  // With `auth-int` the proof would include the body of the response.
  const proof = qop === "auth" ? `rspauth="${digestOf(resource, given, "", new Uint8Array())}", ` : ""
  const info = `${proof}qop=${qop}, nc=${nc}`
  return Effect.map(
    json({ authenticated: true, user: resource.user }),
    HttpServerResponse.setHeader("authentication-info", info)
  )
}

const digestAuth =
  (state: State, settings: Settings): Handler =>
  (request, params) =>
    Effect.gen(function* () {
      const resource = resourceOf(params, settings)
      if (Request.credentials(request, "Digest") === undefined) return challenge(state, resource, false)
      const body = request.method === "GET" ? new Uint8Array() : yield* Request.body
      return yield* answer(state, resource, request, body)
    })

export const routes = (state: State, settings: Settings): ReadonlyArray<Row> =>
  (["/digest-auth/:qop/:user/:passwd", "/digest-auth/:qop/:user/:passwd/:algorithm"] as const).map((path) => ({
    methods: ["GET", "POST", "PUT", "PATCH", "DELETE"],
    path,
    handler: digestAuth(state, settings)
  }))
