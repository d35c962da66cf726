/** Schemes with keys of the client, and Digest: verifiers by jose, http-message-sig and node:crypto. */
import * as Basic from "@countersign/auth/Basic"
import * as Digest from "@countersign/auth/Digest"
import * as Dpop from "@countersign/auth/Dpop"
import * as MessageSignature from "@countersign/auth/MessageSignature"
import * as SignedJwt from "@countersign/auth/SignedJwt"
import * as Auth from "@countersign/client/Auth"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Peer from "http-message-sig"
import * as jose from "jose"
import * as Crypto from "node:crypto"
import { account, tokens } from "./credentials.js"
import type { Received, Scheme } from "./received.js"
import { checkTime, equal, parametersOf } from "./received.js"

const secret = "canary-secret"

const ed25519 = Crypto.generateKeyPairSync("ed25519")

const jwk = (key: Crypto.KeyObject) => Redacted.make(JSON.stringify(key.export({ format: "jwk" })))

const verifiers: Readonly<Record<string, Peer.Verifier>> = {
  ed25519: {
    algorithm: "ed25519",
    verify: (data, signature) => Crypto.verify(null, data, ed25519.publicKey, signature)
  },
  hmac: {
    algorithm: "hmac-sha256",
    verify: (data, signature) =>
      Buffer.from(signature).equals(Crypto.createHmac("sha256", secret).update(data).digest())
  }
}

const verifyMessage =
  (verifier: Peer.Verifier | undefined, hasDigest: boolean) =>
  async ({ body, headers, method, url }: Received, now: number): Promise<void> => {
    if (verifier === undefined) throw new Error("no verifier")
    const fields = Object.entries(headers).map(([name, value]) => ({ name, value }))
    const components = ["@method", "@target-uri", ...(hasDigest && body !== "" ? ["content-digest"] : [])]
    await Peer.verifySignature(
      { kind: "request", method, targetUri: url, fields },
      {
        policy: {
          algorithms: [verifier.algorithm],
          requiredComponents: components,
          requiredParameters: ["created", "keyid"],
          maxAge: 2,
          now: Math.floor(now / 1000)
        },
        resolveVerifier: () => verifier
      }
    )
    const digest = Crypto.createHash("sha256").update(body).digest("base64")
    if (hasDigest && body !== "") equal("content-digest", headers["content-digest"], `sha-256=:${digest}:`)
    if (body === "" && headers["content-digest"] !== undefined) throw new Error("a digest without a body")
  }

const signatureOf = ({ headers }: Received): string | undefined => headers["signature"]

const dpopKey = await Effect.runPromise(Dpop.generateKey)

const bound = Effect.map(tokens("DPoP"), (source) => Dpop.fromSource(source, dpopKey))

const verifyProof = async ({ headers, method, url }: Received, now: number): Promise<void> => {
  const { payload, protectedHeader } = await jose.compactVerify(headers["dpop"] ?? "", jose.EmbeddedJWK)
  const claims = JSON.parse(new TextDecoder().decode(payload)) as Record<string, unknown>
  equal("typ", protectedHeader.typ, "dpop+jwt")
  equal("htm", String(claims["htm"]), method)
  equal("htu", String(claims["htu"]), new URL(url).origin + new URL(url).pathname)
  checkTime(Number(claims["iat"]) * 1000 + 500, now)
  const [, token = ""] = /^DPoP (canary-token-\d+)$/.exec(headers["authorization"] ?? "") ?? []
  equal("ath", String(claims["ath"]), Crypto.createHash("sha256").update(token).digest("base64url"))
}

const proofIdOf = ({ headers }: Received): string => String(jose.decodeJwt(headers["dpop"] ?? "")["jti"])

const jwtKeys = await jose.generateKeyPair("ES256")

const verifyJwt = async ({ headers }: Received, now: number): Promise<void> => {
  const jwt = headers["authorization"]?.replace(/^Bearer /, "") ?? ""
  await jose.jwtVerify(jwt, jwtKeys.publicKey, { issuer: "app", currentDate: new Date(now) })
}

const hash = (text: string): string => Crypto.createHash("sha256").update(text).digest("hex")

const verifyDigest = ({ body, headers, method, url }: Received): void => {
  const given = parametersOf((headers["authorization"] ?? "").replace(/^Digest /, ""))
  const { cnonce = "", nc = "", nonce = "", qop = "", response, uri = "" } = given
  equal("uri", uri, new URL(url).pathname + new URL(url).search)
  equal("username", given["username"], "ada")
  const subject = qop === "auth-int" ? `${method}:${uri}:${hash(body)}` : `${method}:${uri}`
  const secretHash = hash("ada:r:canary-password")
  equal("response", response, hash([secretHash, nonce, nc, cnonce, qop, hash(subject)].join(":")))
}

const countOf = ({ headers, url }: Received): string => {
  const { nc, nonce } = parametersOf(headers["authorization"] ?? "")
  return `${new URL(url).origin} ${nonce} ${nc}`
}

const challenge = (qop: string, more = "") => `Digest realm="r", nonce="n${more}", qop="${qop}", algorithm=SHA-256`

const digest: Pick<Scheme, "verify" | "unique" | "secrets"> = {
  verify: verifyDigest,
  unique: countOf,
  secrets: ["canary-password", "Digest", hash("ada:r:canary-password")]
}

const messageSignature = (
  name: string,
  verifier: string,
  key: Effect.Effect<MessageSignature.Key, unknown>,
  options: Partial<MessageSignature.Options> = {}
): Scheme => ({
  name: `MessageSignature with ${name}`,
  make: Effect.map(key, (one) => MessageSignature.make({ key: one, nonce: true, ...options })),
  verify: verifyMessage(verifiers[verifier], options.contentDigest !== false),
  unique: signatureOf,
  ...(options.contentDigest !== false && { coversBody: true }),
  secrets: [secret, "sig1"]
})

const signingKey = MessageSignature.fromJwk(jwk(ed25519.privateKey), { keyId: "k" })

export const keys: ReadonlyArray<Scheme> = [
  messageSignature("Ed25519", "ed25519", signingKey),
  messageSignature("HMAC", "hmac", MessageSignature.fromSecret(Redacted.make(secret), { keyId: "k" })),
  messageSignature("Ed25519 and no Content-Digest", "ed25519", signingKey, { contentDigest: false }),
  {
    name: "Dpop",
    make: bound,
    verify: verifyProof,
    unique: proofIdOf,
    renewal: { "www-authenticate": 'DPoP error="use_dpop_nonce"', "dpop-nonce": "nonce" },
    secrets: ["canary-token"]
  },
  {
    name: "SignedJwt",
    make: SignedJwt.make({ key: { key: jwtKeys.privateKey, kid: "k" }, claims: { iss: "app" }, minAge: 0 }),
    verify: verifyJwt,
    renewal: { "www-authenticate": "Bearer" },
    secrets: ["Bearer"]
  },
  {
    name: "Digest",
    make: Effect.sync(() => Digest.make(account)),
    challenge: challenge("auth"),
    renewal: { "www-authenticate": `${challenge("auth", "2")}, stale=true` },
    ...digest
  },
  {
    name: "Digest with auth-int",
    coversBody: true,
    make: Effect.sync(() => Digest.make({ ...account, qop: "auth-int" })),
    challenge: challenge("auth-int"),
    renewal: { "www-authenticate": `${challenge("auth-int", "2")}, stale=true` },
    ...digest
  },
  {
    name: "Auth.negotiate with Digest",
    make: Effect.sync(() => Auth.negotiate([Basic.make(account), Digest.make(account)])),
    challenge: `Basic realm="r", ${challenge("auth")}`,
    renewal: { "www-authenticate": `${challenge("auth", "2")}, stale=true` },
    ...digest
  }
]
