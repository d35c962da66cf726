/** Schemes that sign with a shared secret, and verifiers by node:crypto, oauth-1.0a and the AWS SDK. */
import * as AwsSignature from "@countersign/auth/AwsSignature"
import * as OAuth1 from "@countersign/auth/OAuth1"
import * as QuerySignature from "@countersign/auth/QuerySignature"
import * as Signature from "@countersign/auth/Signature"
import { SignatureV4 } from "@smithy/signature-v4"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { createHash, createHmac } from "node:crypto"
import OAuth from "oauth-1.0a"
import type { Received, Scheme } from "./received.js"
import { checkTime, equal, parametersOf } from "./received.js"

const secret = "canary-secret"
const redacted = Redacted.make(secret)

const hmac = (text: string, encoding: "hex" | "base64" = "hex", key: string | Buffer = secret): string =>
  createHmac("sha256", key).update(text).digest(encoding)

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex")

const targetOf = (url: string): string => new URL(url).pathname + new URL(url).search

const field = ({ headers }: Received, name: string): string => headers[name] ?? ""

const verifyDefault = (received: Received, now: number): void => {
  const [time, nonce] = [field(received, "x-timestamp"), field(received, "x-nonce")]
  checkTime(Number(time) * 1000 + 500, now)
  equal("x-api-key", received.headers["x-api-key"], "key")
  const text = [received.method, targetOf(received.url), time, nonce, sha256(received.body)].join("\n")
  equal("x-signature", received.headers["x-signature"], hmac(text))
}

const verifyTimestamped = (received: Received, now: number): void => {
  const [, time = "", signature = ""] = /^t=(\d+),v1=(\w+)$/.exec(field(received, "x-hook")) ?? []
  checkTime(Number(time) * 1000 + 500, now)
  equal("v1", signature, hmac(`${time}.${received.body}`))
}

const webhookSecret = Buffer.from("canary-webhook-secret-0123456789")

const verifyWebhook = (received: Received, now: number): void => {
  const time = field(received, "webhook-timestamp")
  checkTime(Number(time) * 1000 + 500, now)
  const text = `${field(received, "webhook-id")}.${time}.${received.body}`
  equal("webhook-signature", received.headers["webhook-signature"], `v1,${hmac(text, "base64", webhookSecret)}`)
}

const verifyPrehash = (received: Received, now: number): void => {
  const time = field(received, "x-timestamp")
  checkTime(Number(time) * 1000 + 500, now)
  const text = time + received.method + targetOf(received.url) + received.body
  equal("x-signature", received.headers["x-signature"], hmac(text, "base64"))
}

const verifyQuery = (received: Received, now: number): void => {
  const [, signed = "", signature = ""] = /\?(.*)&signature=(\w+)$/.exec(received.url) ?? []
  const times = new URLSearchParams(signed).getAll("timestamp")
  if (times.length !== 1 || signed.includes("signature=")) throw new Error(`parameters are repeated: ${signed}`)
  checkTime(Number(times[0]), now)
  equal("signature", signature, hmac(signed + received.body))
}

const consumer = { key: "app", secret: "canary-client" }

const verifyOAuth1 =
  (hash: "sha1" | "sha256", hashesBody: boolean) =>
  (received: Received, now: number): void => {
    const given = Object.fromEntries(
      Object.entries(parametersOf(field(received, "authorization"))).map(([name, one]) => [
        name,
        decodeURIComponent(one)
      ])
    )
    const { oauth_signature, ...parameters } = given
    checkTime(Number(parameters["oauth_timestamp"]) * 1000 + 500, now)
    const peer = new OAuth({
      consumer,
      signature_method: parameters["oauth_signature_method"] ?? "",
      hash_function: (text, key) => createHmac(hash, key).update(text).digest("base64")
    })
    // The peer does not decode a plus sign in the query.
    const request = { url: received.url.replaceAll("+", "%20"), method: received.method, data: {} }
    // The peer signs the given parameters instead of its own nonce and time.
    equal(
      "oauth_signature",
      oauth_signature,
      peer.getSignature(request, "canary-token", parameters as unknown as OAuth.Data)
    )
    const expected = createHash(hash).update(received.body).digest("base64")
    if (hashesBody) equal("oauth_body_hash", parameters["oauth_body_hash"], expected)
  }

const nonceOf = (received: Received): string | undefined =>
  parametersOf(field(received, "authorization"))["oauth_nonce"]

/** The hash functions that the signer of the AWS SDK expects. */
class Sha256 {
  readonly #hash
  constructor(key?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = key === undefined ? createHash("sha256") : createHmac("sha256", key as string | NodeJS.ArrayBufferView)
  }
  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(data as string | NodeJS.ArrayBufferView)
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array(this.#hash.digest()))
  }
  reset(): void {
    throw new Error("not used")
  }
}

const amzTime = (text: string): number =>
  Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"))

const verifyAws = async (received: Received, now: number): Promise<void> => {
  const given = field(received, "authorization")
  const at = amzTime(field(received, "x-amz-date"))
  checkTime(at + 500, now)
  const url = new URL(received.url)
  const names = /SignedHeaders=([^,]*)/.exec(given)?.[1]?.split(";") ?? []
  const headers = Object.fromEntries(
    names.filter((name) => name !== "host" && name !== "x-amz-date").map((name) => [name, field(received, name)])
  )
  const signer = new SignatureV4({
    credentials: { accessKeyId: "AKID", secretAccessKey: secret },
    ...{ region: "eu-central-1", service: "execute-api", sha256: Sha256, applyChecksum: true }
  })
  const signed = await signer.sign(
    {
      ...{ method: received.method, protocol: url.protocol, hostname: url.hostname, path: url.pathname },
      query: Object.fromEntries(url.searchParams),
      headers: { host: url.host, ...headers },
      body: received.body
    },
    { signingDate: new Date(at) }
  )
  equal("authorization", given, String(signed.headers["authorization"]))
  const hash = field(received, "x-amz-content-sha256")
  if (hash !== "" && hash !== "UNSIGNED-PAYLOAD") equal("x-amz-content-sha256", hash, sha256(received.body))
}

const aws: Pick<Scheme, "verify" | "unique" | "secrets"> = {
  verify: verifyAws,
  secrets: [secret, "AKID"]
}
const awsOptions = {
  credentials: { accessKeyId: "AKID", secretAccessKey: redacted },
  region: "eu-central-1",
  service: "execute-api"
}

const oauth1: OAuth1.Options = {
  clientId: consumer.key,
  clientSecret: Redacted.make(consumer.secret),
  token: Redacted.make("canary-access"),
  tokenSecret: Redacted.make("canary-token")
}

export const signatures: ReadonlyArray<Scheme> = [
  {
    name: "Signature",
    coversBody: true,
    make: Effect.sync(() => Signature.make({ keyId: "key", secret: redacted })),
    verify: verifyDefault,
    unique: (received) => received.headers["x-nonce"],
    secrets: [secret]
  },
  {
    name: "Signature.timestampedBody",
    coversBody: true,
    make: Effect.sync(() => Signature.make(Signature.timestampedBody({ header: "x-hook", secret: redacted }))),
    verify: verifyTimestamped,
    secrets: [secret]
  },
  {
    name: "Signature.standardWebhooks",
    coversBody: true,
    make: Effect.sync(() =>
      Signature.make(Signature.standardWebhooks(Redacted.make(`whsec_${webhookSecret.toString("base64")}`)))
    ),
    verify: verifyWebhook,
    secrets: [webhookSecret.toString("base64")]
  },
  {
    name: "Signature.prehash",
    coversBody: true,
    make: Effect.sync(() =>
      Signature.make({ keyId: "key", secret: redacted, canonical: Signature.prehash, encoding: "base64" })
    ),
    verify: verifyPrehash,
    secrets: [secret]
  },
  {
    name: "QuerySignature",
    coversBody: true,
    make: Effect.sync(() => QuerySignature.make({ keyId: "canary-id", secret: redacted })),
    verify: verifyQuery,
    secrets: [secret, "canary-id", "signature="]
  },
  {
    name: "OAuth1 with HMAC-SHA1",
    make: Effect.sync(() => OAuth1.make(oauth1)),
    verify: verifyOAuth1("sha1", false),
    unique: nonceOf,
    secrets: ["canary", "oauth_"]
  },
  {
    name: "OAuth1 with HMAC-SHA256 and bodyHash",
    coversBody: true,
    make: Effect.sync(() => OAuth1.make({ ...oauth1, signatureMethod: "HMAC-SHA256", bodyHash: true })),
    verify: verifyOAuth1("sha256", true),
    unique: nonceOf,
    secrets: ["canary", "oauth_"]
  },
  { name: "AwsSignature", coversBody: true, make: Effect.sync(() => AwsSignature.make(awsOptions)), ...aws },
  {
    name: "AwsSignature without the payload",
    make: Effect.sync(() => AwsSignature.make({ ...awsOptions, payload: "unsigned" })),
    ...aws
  }
]
