/** Signs requests (RFC 9421 §3.1). */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as Auth from "@countersign/client/Auth"
import { InvalidRequest } from "@countersign/client/Errors"
import * as IdempotencyKey from "@countersign/client/IdempotencyKey"
import * as AcceptSignature from "@countersign/protocol/AcceptSignature"
import type * as Digests from "@countersign/protocol/ContentDigest"
import * as MessageSignature from "@countersign/protocol/MessageSignature"
import * as Effect from "effect/Effect"
import { bytesOf } from "../schemes/bodyBytes.js"
import type { ServerClocks } from "../schemes/serverClocks.js"
import { located, urlOf } from "../schemes/signedUrl.js"
import { includes } from "./components.js"
import * as ContentDigest from "./contentDigest.js"
import { write } from "./credential.js"
import type { Demand, Demands } from "./demands.js"
import type { Key } from "./keys.js"
import { sign } from "./keys.js"

type Request = HttpClientRequest.HttpClientRequest

/** How requests are signed. */
export interface Settings {
  readonly key: Key
  readonly keyId: string | undefined
  readonly components: ReadonlyArray<string | MessageSignature.Component>
  readonly label: string
  readonly tag: string | undefined
  readonly expiresInSeconds: number | undefined
  readonly sendNonce: boolean
  readonly sendAlgorithm: boolean
  readonly contentDigest: Digests.Algorithm | false
  readonly fieldTypes: Readonly<Record<string, MessageSignature.FieldType>>
}

const unsignable = new InvalidRequest({
  reason: "Body",
  detail:
    "a streamed body or a form has no digest: its bytes are not known yet. Send bytes or text, or set `contentDigest` to false."
})

const invalidFields = new InvalidRequest({
  reason: "Options",
  detail:
    "the signature cannot be sent: `label` is no key of a structured field, or an option has a character outside ASCII. Use lower-case letters and digits."
})

/** The request with the digest of its body, if it has a body or the digest is signed. */
const withDigest = (
  request: Request,
  { contentDigest }: Settings,
  components: Settings["components"]
): Effect.Effect<Request, InvalidRequest> => {
  const isNeeded = request.body._tag !== "Empty" || components.some((one) => nameOf(one) === "content-digest")
  if (contentDigest === false || !isNeeded) return Effect.succeed(request)
  const bytes = bytesOf(request.body)
  if (bytes === undefined) return Effect.fail(unsignable)
  return Effect.map(ContentDigest.fieldOf(contentDigest, bytes), (field) =>
    HttpClientRequest.setHeader(request, "content-digest", field)
  )
}

const nameOf = (one: string | MessageSignature.Component): string => (typeof one === "string" ? one : one.name)

/** The components of a request: a digest that this module adds is signed too. */
const componentsOf = ({ body }: Request, { components, contentDigest }: Settings): Settings["components"] => {
  const isListed = components.some((one) => nameOf(one) === "content-digest")
  return contentDigest === false || body._tag === "Empty" || isListed ? components : [...components, "content-digest"]
}

const failureOf = ({ component, reason }: MessageSignature.BaseFailure): InvalidRequest =>
  new InvalidRequest({
    reason: "Header",
    detail: `the component ${component === "" ? "of an option" : component} cannot be signed. ${MessageSignature.explain(reason)}`
  })

/** A signature to make: its label and its input. */
interface Plan {
  readonly label: string
  readonly input: MessageSignature.SignatureInput
}

const metadataOf = (
  { expiresInSeconds, key, keyId, sendAlgorithm, tag }: Settings,
  created: number,
  nonce: string | undefined
): MessageSignature.Metadata => ({
  created,
  keyid: keyId ?? key.keyId,
  alg: sendAlgorithm ? key.algorithm : undefined,
  expires: expiresInSeconds === undefined ? undefined : created + expiresInSeconds,
  nonce,
  tag
})

/**
 * The signature that a server demands. It covers the components of the options too, so that a server cannot weaken the
 * signature. Undefined if the key or the options do not fulfil the demand, or the request has no such component.
 */
const demandedPlan = (
  request: Request,
  url: URL,
  settings: Settings,
  metadata: MessageSignature.Metadata,
  { label, requested }: Demand
): Plan | undefined => {
  const has = (name: string): boolean => requested.params.has(name)
  const fulfilled = AcceptSignature.fulfil(requested, {
    ...metadata,
    alg: has("alg") ? settings.key.algorithm : metadata.alg,
    keyid: metadata.keyid ?? (has("keyid") ? "" : undefined),
    nonce: has("nonce") ? undefined : metadata.nonce
  })
  if (fulfilled._tag === "Err") return undefined
  const own = MessageSignature.make(componentsOf(request, settings)).components
  const added = own.filter((one) => !includes(requested.components, one))
  const input = { components: [...requested.components, ...added], params: fulfilled.value.params }
  const { contentDigest } = settings
  const canDigest = contentDigest !== false && bytesOf(request.body) !== undefined
  const headers = canDigest ? { ...request.headers, "content-digest": `${contentDigest}=::` } : request.headers
  return baseOf({ ...request, headers }, url, settings, input)._tag === "Ok" ? { label, input } : undefined
}

const baseOf = (
  { headers, method }: Pick<Request, "headers" | "method">,
  url: URL,
  { fieldTypes }: Settings,
  input: MessageSignature.SignatureInput
): ReturnType<typeof MessageSignature.base> =>
  MessageSignature.base({ method, url: url.origin + url.pathname + url.search, headers }, input, fieldTypes)

/** The signed request, with the time by the server's clock and the signature that it demands, which later responses change. */
export const signFor = (
  request: Request,
  settings: Settings,
  clocks: ServerClocks,
  demands: Demands
): Effect.Effect<Auth.Signed, InvalidRequest> =>
  Effect.gen(function* () {
    const url = yield* urlOf(request)
    const { origin } = url
    const clock = yield* Effect.clock
    const skewMs = clocks.skewOf(origin)
    const created = Math.floor((clock.unsafeCurrentTimeMillis() + skewMs) / 1000)
    const metadata = metadataOf(settings, created, settings.sendNonce ? yield* IdempotencyKey.uuid : undefined)
    const demand = demands.demandOf(origin)
    const planFor = (one: Demand): Plan | undefined => demandedPlan(request, url, settings, metadata, one)
    const demanded = demand === undefined ? undefined : planFor(demand)
    const plan = demanded ?? {
      label: settings.label,
      input: MessageSignature.make(componentsOf(request, settings), metadata)
    }
    return {
      request: yield* signRequest(request, url, settings, plan),
      credential: write({ origin, skewMs, demandId: demand?.id ?? 0 }),
      onResponse: (response) => {
        clocks.update(origin, response, clock.unsafeCurrentTimeMillis())
        demands.update(origin, response, (one) => planFor(one) !== undefined)
      }
    }
  })

/** The request with `content-digest`, `signature-input` and `signature`, and with exactly the signed URL. */
const signRequest = (
  request: Request,
  url: URL,
  settings: Settings,
  { input, label }: Plan
): Effect.Effect<Request, InvalidRequest> =>
  Effect.gen(function* () {
    const digested = yield* withDigest(request, settings, input.components)
    const base = baseOf(digested, url, settings, input)
    if (base._tag === "Err") return yield* Effect.fail(failureOf(base))
    const value = yield* sign(settings.key, base.value)
    const fields = MessageSignature.format([[label, { input, value }]])
    if (fields._tag === "Err") return yield* Effect.fail(invalidFields)
    return HttpClientRequest.setHeaders(located(digested, url), fields.value)
  })
