/** The scheme: it signs requests, and signs again after a rejection that other credentials or another time can resolve. */
import type * as Auth from "@countersign/client/Auth"
import type { InvalidRequest } from "@countersign/client/Errors"
import * as AwsSignature from "@countersign/protocol/AwsSignature"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { urlOf } from "../schemes/signedUrl.js"
import type { Credentials, Source } from "./credentials.js"
import type { Payloads } from "./payload.js"
import { payloadOf } from "./payload.js"
import { currentOf, endpointOf, isSource } from "./resolve.js"
import { ServerClock } from "./serverClock.js"
import { encodedUrl, withSignature } from "./signedRequest.js"
import { Signer } from "./signing.js"

/** See `AwsSignature.Options`. */
export interface SchemeOptions<E> {
  readonly credentials: Credentials | Source<E>
  readonly region?: string | undefined
  readonly service?: string | undefined
  readonly payload?: Payloads | undefined
}

/** The id of credentials in a rejection: the access key id, and the clock offset that the request was signed with. */
const credentialId = (accessKeyId: string, offset: number): string => `${offset} ${accessKeyId}`

const parseId = (id: string | number): { readonly offset: number; readonly accessKeyId: string } => {
  const [offset = "", accessKeyId = ""] = String(id).split(" ")
  return { offset: Number(offset), accessKeyId }
}

/** Makes the scheme. */
export const makeScheme = <E>(options: SchemeOptions<E>): Auth.Service<E> => {
  const { credentials, payload } = options
  const source = isSource(credentials) ? credentials : undefined
  const serverClock = new ServerClock()
  const signer = new Signer()

  const sign = (
    request: HttpClientRequest.HttpClientRequest,
    clock: Clock.Clock
  ): Effect.Effect<Auth.Signed<E>, E | InvalidRequest> =>
    Effect.gen(function* () {
      const target = yield* urlOf(request)
      const endpoint = yield* endpointOf(options, target)
      const body = yield* payloadOf(request, payload)
      // Last, because the hash of a large body takes time.
      const current = yield* currentOf(credentials)
      const url = encodedUrl(target, endpoint.service)
      const time = AwsSignature.formatTime(serverClock.now(clock))
      const { offset } = serverClock
      return {
        request: yield* withSignature(signer, { request, url, credentials: current, endpoint, payload: body, time }),
        credential: credentialId(current.accessKeyId, offset),
        onResponse: (response) => serverClock.onResponse(response, offset)
      }
    })

  return {
    sign: (request) => Effect.clockWith((clock) => sign(request, clock)),
    onRejected: ({ credential }) => {
      const { accessKeyId, offset } = parseId(credential)
      return offset === serverClock.offset
        ? (source?.onRejected?.(accessKeyId) ?? Effect.succeed(false))
        : Effect.succeed(true)
    },
    expiredWhen: { status: [400, 403], body: serverClock.isReason },
    // Hashes and signatures are computed in this process, and `payloadOf` ends at the deadline.
    honorsDeadline: source === undefined || source.honorsDeadline === true
  }
}
