/** `AssumeRole` of STS: a request that is signed with other credentials. */
import type { InvalidRequest } from "@countersign/client/Errors"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import type { Credentials, Source } from "./credentials.js"
import type { TokenSourceError } from "../../Errors.js"
import { TokenError } from "../../Errors.js"
import { asSubjectError } from "../grants/subjectError.js"
import type { Answer } from "../http/boundedRequest.js"
import { send } from "./credentialRequest.js"
import { makeScheme } from "./scheme.js"
import type { Role } from "./sts.js"
import { credentialsIn, requestOf, server } from "./sts.js"

/** An empty credential is an `InvalidRequest`. */
const typed = <A>(effect: Effect.Effect<A, TokenSourceError | InvalidRequest>): Effect.Effect<A, TokenError> =>
  asSubjectError(
    "the access key that assumes the role",
    Effect.catchTag(effect, "InvalidRequest", ({ detail }) =>
      Effect.fail(new TokenError({ reason: "Rejected", detail }))
    )
  )

/** Makes an effect that requests credentials of the role. It keeps the time of the server between two runs. */
export const acquire = (
  role: Role,
  credentials: Credentials | Source<TokenSourceError>,
  externalId: string | undefined
): Effect.Effect<Credentials, TokenError, HttpClient.HttpClient> => {
  // Another server with the API of STS may have any host name.
  const region = role.region ?? (role.endpoint === undefined ? undefined : "us-east-1")
  const scheme = makeScheme({ credentials, region, service: "sts" })
  const request = requestOf(role, "AssumeRole", externalId === undefined ? {} : { ExternalId: externalId })

  const attempt = (isLast: boolean): Effect.Effect<Answer, TokenError, HttpClient.HttpClient> =>
    Effect.gen(function* () {
      const { credential, request: signed } = yield* typed(scheme.sign(request))
      const answer = yield* send(signed, server)
      if (isLast || answer.status < 400 || scheme.expiredWhen?.body?.(answer.text) !== true) return answer
      const rejection = { credential, challenges: [], at: 0, initialCredentialId: credential }
      return (yield* typed(scheme.onRejected(rejection))) ? yield* attempt(true) : answer
    })

  return Effect.flatMap(attempt(false), credentialsIn)
}
