// One broken client for each attack. The case must fail with it: otherwise the case would prove nothing.
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Case from "../src/Case.js"
import type { Client } from "../src/Client.js"
import { servers } from "../src/servers.js"
import * as SignIn from "./support/mutants/signIn.js"
import * as Tokens from "./support/mutants/tokens.js"
import * as Wire from "./support/mutants/wire.js"

const everyErrorIsReauthorization = {
  "reports every failure as an invalid refresh token": Tokens.everyErrorIsReauthorization
}
const wrongSecret = { ...everyErrorIsReauthorization, "quotes the secret": Tokens.leaksSecretInErrors }
const state = { "does not compare the state": SignIn.ignoringState }
const issuer = { "does not compare the issuer": SignIn.ignoringIssuer }
const refreshesForEveryRequest = { "refreshes for each request": Tokens.refreshesForEveryRequest }
const dropsRejectedScope = { "repeats a rejected request without its scope": Tokens.dropsRejectedScope }
const withoutDate = { "ignores the server's time": Wire.withoutDate }
const fillsMissingTokenType = { "fills in missing members": Wire.fillsMissingTokenType }
const idToken = { "ignores the ID token": SignIn.ignoringIdToken }

/** The broken clients for each case, by what they do. */
const mutants: Readonly<Record<string, Readonly<Record<string, Client>>>> = {
  "client-credentials/client_secret_basic/wrong-credential": wrongSecret,
  "client-credentials/client_secret_post/wrong-credential": wrongSecret,
  "client-credentials/client_secret_jwt/wrong-credential": wrongSecret,
  "client-credentials/private_key_jwt/wrong-credential": everyErrorIsReauthorization,
  "client-credentials/tls_client_auth/neighbour": everyErrorIsReauthorization,
  "client-credentials/tls_client_auth/impostor": everyErrorIsReauthorization,
  "client-credentials/scope-not-allowed": dropsRejectedScope,
  "code/state-of-another-sign-in": state,
  "code/state-missing": state,
  "code/iss-of-another-server": issuer,
  "code/iss-missing": issuer,
  "code/nonce-of-another-sign-in": { "does not compare the nonce": SignIn.ignoringNonce },
  "code/replayed-here": { "accepts a transaction twice": SignIn.reusesTransaction },
  "code/replayed-elsewhere": { "sends a rejected code again": SignIn.retriesRejectedCode },
  "code/injected": { "uses one verifier for all sign-ins": SignIn.constantVerifier },
  "code/challenge-taken-out": { "sends no verifier": Wire.withoutVerifier },
  "code/server-without-s256": { "does not read the metadata": SignIn.ignoringMetadata },
  "code/declined": { "ignores an error in the callback": SignIn.ignoringErrors },
  "refresh/many-at-once": refreshesForEveryRequest,
  "refresh/reuse": refreshesForEveryRequest,
  "refresh/wider-scope": dropsRejectedScope,
  "refresh/wrong-secret-or-dead-token": everyErrorIsReauthorization,
  "device/pending": { "ignores the interval": SignIn.ignoresPollInterval },
  "device/slow-down": { "does not slow down": Wire.ignoresSlowDown },
  "device/denied": { "polls after access_denied": Wire.ignoresAccessDenied },
  "device/expired": { "polls again after the expiry": SignIn.pollsAfterExpiry },
  "device/not-approved": { "ignores the lifetime of the code": SignIn.ignoresCodeExpiry },
  "dpop/proof-sent-twice": { "sends a proof twice": Wire.reusesDpopProof },
  "dpop/stolen-token": { "binds nothing": Tokens.acceptsUnboundToken },
  "dpop/downgraded-to-bearer": { "accepts an unbound token": Tokens.acceptsUnboundToken },
  "dpop/nonce-without-end": { "retries every error": Tokens.retriesEveryError },
  "par/url-changed": { "pushes nothing": SignIn.withoutPar },
  "resource/token-of-another-api": { "accepts any audience": Tokens.ignoresAudience },
  "resource/unknown": { ...dropsRejectedScope, "omits the resource parameter": Wire.withoutResource },
  "introspection/made-up-token": { "treats every response as active": Tokens.treatsAnyIntrospectionAsActive },
  "introspection/wrong-secret": { "treats an error as inactive": Tokens.treatsIntrospectionErrorAsInactive },
  "revocation/by-another-client": { "ignores the failure": Tokens.swallowsRevocationErrors },
  "revocation/sign-out-without-the-server": { "revokes before it removes the token": Tokens.revokesBeforeRemoving },
  "registration/uninvited": { "reports the error as Unavailable": Tokens.reportsUnsupportedAsUnavailable },
  "registration/redirect-uri-refused": { "registers without the rejected metadata": Tokens.dropsRejectedMetadata },
  "restart/away-for-a-refresh": everyErrorIsReauthorization,
  "restart/refresh-token-forgotten": refreshesForEveryRequest,
  "restart/token-forgotten": { "keeps a rejected token": Tokens.keepsRejectedToken },
  "clock/an-hour-ahead": withoutDate,
  "clock/an-hour-behind": withoutDate,
  "answer/without-token": fillsMissingTokenType,
  "answer/without-type": { "accepts an unbound token": Tokens.acceptsUnboundToken },
  "answer/of-another-type": fillsMissingTokenType,
  "answer/empty": everyErrorIsReauthorization,
  "answer/error-with-200": everyErrorIsReauthorization,
  "answer/busy": everyErrorIsReauthorization,
  "answer/secret-quoted": { "quotes the secret": Tokens.leaksSecretInErrors },
  "answer/control-characters": { "prints the server's text unchanged": Tokens.printsServerText },
  "id-token/of-another-issuer": idToken,
  "id-token/for-another-client": idToken,
  "id-token/of-another-sign-in": idToken,
  "id-token/expired": idToken,
  "id-token/from-the-future": idToken,
  "id-token/without-sub": idToken,
  "plain/wrong-secret": wrongSecret,
  "plain/scope-not-allowed": dropsRejectedScope,
  "plain/state-of-another-sign-in": state,
  "plain/code-injected": { "uses one verifier for all sign-ins": SignIn.constantVerifier },
  "plain/dead-refresh-token": { "reports an invalid refresh token as Rejected": Tokens.invalidGrantIsRejected }
}

const attacks = servers.flatMap(({ cases }) => cases).filter(({ isAttack }) => isAttack)

const held = attacks.flatMap((one) =>
  Object.entries(mutants[one.name] ?? {}).map(([what, client]) => [`${one.name}: ${what}`, one, client] as const)
)

describe("broken clients", () => {
  it("exist for each attack, and for no other case", () => {
    expect(Object.keys(mutants).sort()).toEqual(attacks.map(({ name }) => name).sort())
  })

  it.for(held)("fail the case %s", async ([_, one, client], { skip }) => {
    const { observed, ok, skipped } = await Effect.runPromise(Case.run(one, client))
    skip(skipped === true, observed)
    expect(ok, observed).toBe(false)
    // A defect or another error would not show that the case detects the fault.
    expect(observed).toMatch(/^(CaseFailed|TokenError|Unauthorized): /)
  })
})
