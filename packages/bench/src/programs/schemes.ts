/** Processor time of each authentication scheme around a transport in memory. */
import * as ApiKey from "@countersign/auth/ApiKey"
import * as AwsSignature from "@countersign/auth/AwsSignature"
import * as Basic from "@countersign/auth/Basic"
import * as Bearer from "@countersign/auth/Bearer"
import * as Digest from "@countersign/auth/Digest"
import * as Dpop from "@countersign/auth/Dpop"
import * as MessageSignature from "@countersign/auth/MessageSignature"
import * as OAuth1 from "@countersign/auth/OAuth1"
import * as QuerySignature from "@countersign/auth/QuerySignature"
import * as Signature from "@countersign/auth/Signature"
import * as SignedJwt from "@countersign/auth/SignedJwt"
import type * as TokenSource from "@countersign/auth/TokenSource"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import { HttpClient as PlatformClient } from "@effect/platform/HttpClient"
import type { HttpClient } from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { generateKeyPairSync } from "node:crypto"
import type { Call, Repetitions, Subject } from "../CpuTime.js"
import { differences } from "../CpuTime.js"
import { answering, baseUrl, request, transport, transportOf } from "../Memory.js"
import { answer } from "../Remote.js"

const secret = Redacted.make("0123456789abcdef0123456789abcdef")

const account = { username: "user", password: secret }

/** A body of 64 KiB, which schemes that sign the body have to hash. */
const upload = HttpClientRequest.post(`${baseUrl}/json`).pipe(
  HttpClientRequest.bodyUint8Array(new Uint8Array(64 * 1024).fill(97), "text/plain")
)

const sameOf = answering(200, { "content-type": "application/json" }, new Uint8Array(2))

/** Sends a challenge to a request without credentials, and the same response to all others. */
const challenging = (field: string): HttpClient => {
  const challenge = answering(401, { "www-authenticate": field }, new Uint8Array(0))
  return transportOf((sent) => (sent.headers["authorization"] === undefined ? challenge(sent) : sameOf(sent)))
}

const digestServer = challenging('Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256')

/** A source with one token. */
const boundToken: TokenSource.Service = {
  get: Effect.succeed({ generation: 1, token: { accessToken: secret, tokenType: "DPoP", receivedAt: 0 } }),
  onRejected: () => Effect.succeed(false),
  onReplayRejected: () => Effect.void
}

interface Scheme {
  readonly name: string
  readonly auth: Auth.Service<unknown>
  readonly transport?: HttpClient
}

const ed25519 = Effect.suspend(() => {
  const jwk = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" })
  return MessageSignature.fromJwk(Redacted.make(JSON.stringify(jwk)), { keyId: "key" })
})

const schemes: Effect.Effect<ReadonlyArray<Scheme>, unknown> = Effect.gen(function* () {
  const hmacKey = yield* MessageSignature.fromSecret(secret, { keyId: "key" })
  const signingKey = yield* ed25519
  const jwtKey = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" })
  const key = yield* SignedJwt.importKey(Redacted.make(String(jwtKey)), "ES256")
  const signedJwt = yield* SignedJwt.make({ key: { key }, claims: { iss: "app" } })
  return [
    { name: "Basic", auth: Basic.make(account) },
    { name: "Bearer", auth: Bearer.make(secret) },
    { name: "ApiKey", auth: ApiKey.make({ location: ApiKey.header("x-api-key"), key: secret }) },
    { name: "Digest, SHA-256", auth: Digest.make(account), transport: digestServer },
    {
      name: "Auth.negotiate, Digest",
      auth: Auth.negotiate([Digest.make(account), Basic.make(account)]),
      transport: digestServer
    },
    {
      name: "Auth.negotiate, Bearer",
      auth: Auth.negotiate([Bearer.make(secret), Basic.make(account)]),
      transport: challenging("Bearer")
    },
    { name: "SignedJwt, ES256", auth: signedJwt },
    { name: "Dpop, ES256", auth: Dpop.fromSource(boundToken, yield* Dpop.generateKey) },
    {
      name: "OAuth1, HMAC-SHA1",
      auth: OAuth1.make({ clientId: "app", clientSecret: secret, token: secret, tokenSecret: secret })
    },
    { name: "QuerySignature, HMAC-SHA256", auth: QuerySignature.make({ keyId: "key", secret }) },
    { name: "Signature, HMAC-SHA256", auth: Signature.make({ keyId: "key", secret }) },
    {
      name: "AwsSignature",
      auth: AwsSignature.make({
        credentials: { accessKeyId: "key", secretAccessKey: secret },
        region: "eu-central-1",
        service: "execute-api"
      })
    },
    { name: "MessageSignature, HMAC-SHA256", auth: MessageSignature.make({ key: hmacKey }) },
    { name: "MessageSignature, Ed25519", auth: MessageSignature.make({ key: signingKey }) }
  ]
})

const subjectsOf = (all: ReadonlyArray<Scheme>, sent: HttpClientRequest.HttpClientRequest): ReadonlyArray<Subject> =>
  all.map(({ auth, name, transport: around = transport }) => {
    const client = Auth.policy({ auth, origins: [baseUrl] })(around)
    const signed = HttpClientRequest.setHeader(sent, "authorization", "none")
    return {
      name,
      call: Effect.suspend(() => client.execute(sent)),
      base: Effect.suspend(() => around.execute(signed))
    }
  })

/** For comparison: a whole call of a client without a scheme. */
const withoutScheme = Effect.map(
  Effect.provideService(ApiClient.make({ baseUrl, auth: Auth.none }), PlatformClient, transport),
  (api) =>
    (sent: HttpClientRequest.HttpClientRequest): Subject => ({
      name: "the whole call without a scheme",
      call: Effect.suspend(() => api.execute(sent)),
      base: Effect.void
    })
)

const run = (effect: Call): Promise<unknown> => Effect.runPromise(effect)

/** The cost of a scheme for one request, in microseconds. */
export interface Cost {
  readonly name: string
  readonly micros: number
  /** With a body of 64 KiB. */
  readonly uploadMicros: number
}

const measure = async ({ calls, rounds }: Repetitions): Promise<ReadonlyArray<Cost>> => {
  const all = await Effect.runPromise(schemes)
  const control = await Effect.runPromise(withoutScheme)
  const small = await differences(run, [control(request), ...subjectsOf(all, request)], { calls, rounds })
  const uploads = await differences(run, [control(upload), ...subjectsOf(all, upload)], {
    calls: Math.ceil(calls / 20),
    rounds
  })
  return small.map((cost, index) => ({ ...cost, uploadMicros: uploads[index]?.micros ?? Number.NaN }))
}

const methods = { measure }

/** The methods of the process. */
export type Schemes = typeof methods

answer(methods)
