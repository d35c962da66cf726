/** Signs requests (RFC 9421 §3.1). */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as Auth from "@countersign/client/Auth"
import { InvalidRequest } from "@countersign/client/Errors"
import * as IdempotencyKey from "@countersign/client/IdempotencyKey"
import type * as Digests from "@countersign/protocol/ContentDigest"
import * as MessageSignature from "@countersign/protocol/MessageSignature"
import * as Effect from "effect/Effect"
import { bytesOf } from "../schemes/bodyBytes.js"
import { located, urlOf } from "../schemes/signedUrl.js"
import * as ContentDigest from "./contentDigest.js"
import type { Key } from "./keys.js"
import { sign } from "./keys.js"
import type { ServerClocks } from "./serverClocks.js"
import { write } from "./serverClocks.js"

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
  { components, contentDigest }: Settings
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

/** The signed request, with the time by the server's clock, which later responses correct. */
export const signByClock = (
  request: Request,
  settings: Settings,
  clocks: ServerClocks
): Effect.Effect<Auth.Signed, InvalidRequest> =>
  Effect.gen(function* () {
    const url = yield* urlOf(request)
    const { origin } = url
    const clock = yield* Effect.clock
    const skewMs = clocks.skewOf(origin)
    const now = clock.unsafeCurrentTimeMillis() + skewMs
    return {
      request: yield* signRequest(request, url, settings, Math.floor(now / 1000)),
      credential: write({ origin, skewMs }),
      onResponse: (response) => clocks.update(origin, response, clock.unsafeCurrentTimeMillis())
    }
  })

/** The request with `content-digest`, `signature-input` and `signature`, and with exactly the signed URL. */
const signRequest = (
  request: Request,
  url: URL,
  settings: Settings,
  created: number
): Effect.Effect<Request, InvalidRequest> =>
  Effect.gen(function* () {
    const { fieldTypes, key, keyId, label, sendAlgorithm, sendNonce, tag } = settings
    const digested = yield* withDigest(request, settings)
    const input = MessageSignature.make(componentsOf(request, settings), {
      created,
      keyid: keyId ?? key.keyId,
      alg: sendAlgorithm ? key.algorithm : undefined,
      expires: settings.expiresInSeconds === undefined ? undefined : created + settings.expiresInSeconds,
      nonce: sendNonce ? yield* IdempotencyKey.uuid : undefined,
      tag
    })
    const target = url.origin + url.pathname + url.search
    const message = { method: request.method, url: target, headers: digested.headers }
    const base = MessageSignature.base(message, input, fieldTypes)
    if (base._tag === "Err") return yield* Effect.fail(failureOf(base))
    const value = yield* sign(key, base.value)
    const fields = MessageSignature.format([[label, { input, value }]])
    if (fields._tag === "Err") return yield* Effect.fail(invalidFields)
    return HttpClientRequest.setHeaders(located(digested, url), fields.value)
  })
