/** `AssumeRoleWithWebIdentity` of STS. */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Credentials } from "./credentials.js"
import { TokenError } from "../../Errors.js"
import { send } from "./credentialRequest.js"
import type { Role } from "./sts.js"
import { credentialsIn, requestOf, server } from "./sts.js"

const noToken = new TokenError({
  reason: "Rejected",
  detail: "the token of the identity provider is empty. Check the file or the variable that it comes from."
})

/** Reads the token, and exchanges it for credentials. */
export const acquire = <R>(
  role: Role,
  token: Effect.Effect<Redacted.Redacted<string>, TokenError, R>
): Effect.Effect<Credentials, TokenError, R | HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const text = Redacted.value(yield* token).trim()
    if (text === "") return yield* Effect.fail(noToken)
    const request = requestOf(role, "AssumeRoleWithWebIdentity", { WebIdentityToken: text })
    return yield* credentialsIn(yield* send(request, server))
  })
