/** Credentials that container services and instances give to their processes. */
import { InvalidRequest } from "@countersign/client/Errors"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { Credentials } from "./credentials.js"
import type { TokenError } from "../../Errors.js"
import { credentialsOf, invalidResponse, rejected, send } from "./credentialRequest.js"

const Document = Schema.parseJson(
  Schema.Struct({
    AccessKeyId: Schema.optional(Schema.String),
    SecretAccessKey: Schema.optional(Schema.String),
    Token: Schema.optional(Schema.String),
    Expiration: Schema.optional(Schema.String),
    Code: Schema.optional(Schema.String),
    code: Schema.optional(Schema.String)
  })
)

const decode = Schema.decodeUnknownEither(Document)

const containerServer = "the container service"
const instanceServer = "the instance metadata service"

/** A service on the same machine answers quickly, and no server answers elsewhere. */
const timeout = "2 seconds"

const readDocument = (server: string, status: number, text: string, retryAt?: number) => {
  const decoded = decode(text)
  if (status !== 200) {
    const code = Either.isRight(decoded) ? (decoded.right.code ?? decoded.right.Code) : undefined
    return Effect.fail(rejected(server, status, code, retryAt))
  }
  // The message of the parser would contain the document.
  if (Either.isLeft(decoded)) return Effect.fail(invalidResponse(server, "it is no JSON object with credentials."))
  const { AccessKeyId, Code, Expiration, SecretAccessKey, Token } = decoded.right
  if (Code !== undefined && Code !== "Success") return Effect.fail(rejected(server, status, Code))
  return credentialsOf(server, {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: Token,
    expiration: Expiration
  })
}

/** Addresses of the services of ECS and EKS, and of this machine. */
const localHosts = new Set(["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]", "localhost", "127.0.0.1", "[::1]"])

const unsafe = new InvalidRequest({
  reason: "Options",
  detail:
    "`uri` is no path, no https URL, and no URL of this machine or of ECS or EKS. Check the variable it comes from."
})

/** The URL of the container service. */
export const containerUrl = (uri: string): Effect.Effect<string, InvalidRequest> => {
  const isPath = uri.startsWith("/")
  const text = isPath ? `http://169.254.170.2${uri}` : uri
  if (!URL.canParse(text)) return Effect.fail(unsafe)
  const { hostname, href, protocol } = new URL(text)
  const isLocal = protocol === "http:" && localHosts.has(hostname)
  return isLocal || (protocol === "https:" && !isPath) ? Effect.succeed(href) : Effect.fail(unsafe)
}

/** Requests the credentials of a container. */
export const container = <R>(
  url: string,
  token: Effect.Effect<Redacted.Redacted<string>, TokenError, R> | undefined
): Effect.Effect<Credentials, TokenError, R | HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const authorization = token === undefined ? undefined : Redacted.value(yield* token).trim()
    if (authorization !== undefined && !/^[ -~]+$/.test(authorization)) {
      return yield* Effect.fail(rejected(containerServer, 401, undefined))
    }
    const request = HttpClientRequest.get(url)
    const { retryAt, status, text } = yield* send(
      authorization === undefined ? request : HttpClientRequest.setHeader(request, "authorization", authorization),
      containerServer,
      timeout
    )
    return yield* readDocument(containerServer, status, text, retryAt)
  })

const instanceOrigin = "http://169.254.169.254"
const rolesPath = "/latest/meta-data/iam/security-credentials/"

const sessionRequest = HttpClientRequest.put(`${instanceOrigin}/latest/api/token`).pipe(
  HttpClientRequest.setHeader("x-aws-ec2-metadata-token-ttl-seconds", "300")
)

const textOf = (request: HttpClientRequest.HttpClientRequest) =>
  Effect.flatMap(send(request, instanceServer, timeout), ({ retryAt, status, text }) => {
    if (status !== 200) return Effect.fail(rejected(instanceServer, status, undefined, retryAt))
    const value = text.trim()
    return /^[!-~]{1,1024}$/.test(value)
      ? Effect.succeed(value)
      : Effect.fail(invalidResponse(instanceServer, "it is empty, too long, or has several lines."))
  })

/** Requests the credentials of the role of the instance. */
export const instance: Effect.Effect<Credentials, TokenError, HttpClient.HttpClient> = Effect.gen(function* () {
  const session = yield* textOf(sessionRequest)
  const get = (path: string) =>
    HttpClientRequest.get(`${instanceOrigin}${path}`).pipe(
      HttpClientRequest.setHeader("x-aws-ec2-metadata-token", session)
    )
  const role = yield* textOf(get(rolesPath))
  const { retryAt, status, text } = yield* send(get(rolesPath + encodeURIComponent(role)), instanceServer, timeout)
  return yield* readDocument(instanceServer, status, text, retryAt)
})
