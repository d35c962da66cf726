/** Verifies the signatures of responses (RFC 9421 §3.2). */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as MessageSignature from "@countersign/protocol/MessageSignature"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { includes } from "./components.js"
import * as ContentDigest from "./contentDigest.js"
import type { Key } from "./keys.js"
import { verify } from "./keys.js"
import { receivedBytesOf } from "../schemes/bodyBytes.js"

/** What a signature must have. Times are in milliseconds. */
export interface Requirements {
  readonly keys: ReadonlyArray<Key>
  readonly components: ReadonlyArray<string | MessageSignature.Component>
  readonly tag: string | undefined
  readonly maxAge: number
  readonly clockTolerance: number
  readonly fieldTypes: Readonly<Record<string, MessageSignature.FieldType>>
}

/** Why a response is not accepted. */
type Problem = string

interface Candidate {
  readonly key: Key
  readonly signature: MessageSignature.Signature
}

/** Undefined if a signature of the response is valid. */
export const problemOf = (
  response: HttpClientResponse,
  request: HttpClientRequest.HttpClientRequest,
  url: string,
  requirements: Requirements
): Effect.Effect<Problem | undefined> =>
  Effect.gen(function* () {
    const signatures = MessageSignature.parse(response.headers)
    if (signatures._tag === "Err") return `its signature fields are invalid (${signatures.reason})`
    if (signatures.value.size === 0) return "it has no signature. Ask the server to sign its responses"
    const candidate = candidateOf(signatures.value, requirements)
    if (typeof candidate === "string") return candidate
    const now = yield* Clock.currentTimeMillis
    const unfit = inputProblem(candidate, requirements, now)
    if (unfit !== undefined) return unfit
    const { headers, status } = response
    const message = { status, headers, request: { method: request.method, url, headers: request.headers } }
    const { input, value } = candidate.signature
    const base = MessageSignature.base(message, input, requirements.fieldTypes)
    if (base._tag === "Err") return `its signature covers ${base.component}, which cannot be read (${base.reason})`
    if (!(yield* verify(candidate.key, base.value, value))) return "its signature is wrong"
    for (const algorithm of signedHashes(input)) {
      const problem = yield* bodyProblem(response, algorithm)
      if (problem !== undefined) return problem
    }
    return undefined
  })

/** The first signature with the right tag that a known key made. */
const candidateOf = (
  signatures: ReadonlyMap<string, MessageSignature.Signature>,
  { keys, tag }: Requirements
): Candidate | Problem => {
  for (const signature of signatures.values()) {
    const { keyid, tag: own } = MessageSignature.metadata(signature.input)
    const key = keys.find((one) => one.keyId === keyid)
    if (key !== undefined && (tag === undefined || own === tag)) return { key, signature }
  }
  return "no signature names a known key and the required `tag`. Add the key of the server to `keys`"
}

const inputProblem = (
  { key, signature: { input } }: Candidate,
  { clockTolerance, components, maxAge }: Requirements,
  now: number
): Problem | undefined => {
  const { alg, created, expires } = MessageSignature.metadata(input)
  if (alg !== undefined && alg !== key.algorithm) return "its signature has another `alg` than the key"
  if (created === undefined) return "its signature has no `created`"
  if (created * 1000 > now + clockTolerance) return "its signature was created in the future. Check the clock"
  if (created * 1000 < now - maxAge - clockTolerance) return "its signature is older than `maxAge`"
  if (expires !== undefined && expires * 1000 < now - clockTolerance) return "its signature has expired"
  const missing = MessageSignature.make(components).components.find((one) => !includes(input.components, one))
  return missing === undefined ? undefined : `its signature does not cover ${JSON.stringify(missing.name)}`
}

/**
 * The hashes of `content-digest` that are signed: the strongest one of the field, or the one that `key` names. Another hash of
 * the field could be forged then.
 */
const signedHashes = ({ components }: MessageSignature.SignatureInput): ReadonlyArray<string | undefined> =>
  components.flatMap(({ name, params }) => {
    const isContent = name === "content-digest" && !params.has("req") && !params.has("tr")
    const key = params.get("key")
    return isContent ? [key?._tag === "String" ? key.value : undefined] : []
  })

const bodyProblem = (
  response: HttpClientResponse,
  algorithm: string | undefined
): Effect.Effect<Problem | undefined> => {
  const bytes = receivedBytesOf(response)
  if (bytes === undefined) {
    return Effect.succeed("its signature covers the body, which `open` does not read first. Use a verb such as `get`")
  }
  return Effect.map(ContentDigest.matches(response.headers["content-digest"] ?? "", bytes, algorithm), (matches) =>
    matches ? undefined : "its `content-digest` is not the digest of its body"
  )
}
