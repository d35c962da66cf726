// For each case in which somebody does harm, or something fails, a client that is broken: a check that nobody has seen
// fail proves nothing.
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Case from "../src/Case.js"
import type { Client } from "../src/Client.js"
import { servers } from "../src/servers.js"
import * as SignIn from "./support/mutants/signIn.js"
import * as Tokens from "./support/mutants/tokens.js"
import * as Wire from "./support/mutants/wire.js"

const desperate = { "reports every failure as a dead token": Tokens.desperate }
const wrongSecret = { ...desperate, "quotes the secret": Tokens.talkative }
const state = { "does not compare the state": SignIn.ignoringState }
const issuer = { "does not compare the issuer": SignIn.ignoringIssuer }
const everybody = { "refreshes for each request": Tokens.everybody }
const contented = { "asks for less when it is refused": Tokens.contented }
const withoutDate = { "does not know the server's time": Wire.withoutDate }
const presumptuous = { "takes what is missing for granted": Wire.presumptuous }
const idToken = { "does not look at the ID token": SignIn.ignoringIdToken }

/** What each broken client does, by the case that has to notice. */
const mutants: Readonly<Record<string, Readonly<Record<string, Client>>>> = {
  "client-credentials/client_secret_basic/wrong-credential": wrongSecret,
  "client-credentials/client_secret_post/wrong-credential": wrongSecret,
  "client-credentials/client_secret_jwt/wrong-credential": wrongSecret,
  "client-credentials/private_key_jwt/wrong-credential": desperate,
  "client-credentials/tls_client_auth/neighbour": desperate,
  "client-credentials/tls_client_auth/impostor": desperate,
  "client-credentials/scope-not-allowed": contented,
  "code/state-of-another-sign-in": state,
  "code/state-missing": state,
  "code/iss-of-another-server": issuer,
  "code/iss-missing": issuer,
  "code/nonce-of-another-sign-in": { "does not compare the nonce": SignIn.ignoringNonce },
  "code/replayed-here": { "does not remember what it has used": SignIn.forgetful },
  "code/replayed-elsewhere": { "sends a refused code again": SignIn.stubborn },
  "code/injected": { "has one verifier for all": SignIn.constantVerifier },
  "code/challenge-taken-out": { "sends no verifier": Wire.withoutVerifier },
  "code/server-without-s256": { "does not read the metadata": SignIn.ignoringMetadata },
  "code/declined": { "does not look for an error": SignIn.ignoringErrors },
  "refresh/many-at-once": everybody,
  "refresh/reuse": everybody,
  "refresh/wider-scope": contented,
  "refresh/wrong-secret-or-dead-token": desperate,
  "device/pending": { "asks as often as it likes": SignIn.hasty },
  "device/slow-down": { "does not slow down": Wire.unslowed },
  "device/denied": { "does not take no for an answer": Wire.undeterred },
  "device/expired": { "asks once more when it is over": SignIn.hopeful },
  "device/nobody-comes": { "does not look at how long a code is good": SignIn.timeless },
  "dpop/proof-sent-twice": { "sends one proof twice": Wire.sameProof },
  "dpop/stolen-token": { "binds nothing": Tokens.unbound },
  "dpop/downgraded-to-bearer": { "does not look whether the token is bound": Tokens.unbound },
  "dpop/nonce-without-end": { "tries again and again": Tokens.insistent },
  "par/url-changed": { "pushes nothing": SignIn.unpushed },
  "resource/token-of-another-api": { "takes a token for any audience": Tokens.takingAll },
  "resource/unknown": { ...contented, "does not say which API": Wire.withoutResource },
  "introspection/made-up-token": { "takes every answer for a yes": Tokens.credulous },
  "introspection/wrong-secret": { "takes a refusal for a no": Tokens.dismissive },
  "revocation/by-another-client": { "does not tell of a failure": Tokens.silent },
  "revocation/sign-out-without-the-server": { "asks the server first": Tokens.deferential },
  "registration/uninvited": { "reports a server that is away": Tokens.misled },
  "registration/redirect-uri-refused": { "registers without it": Tokens.accommodating },
  "restart/away-for-a-refresh": desperate,
  "restart/refresh-token-forgotten": everybody,
  "restart/token-forgotten": { "keeps to a refused token": Tokens.loyal },
  "clock/an-hour-ahead": withoutDate,
  "clock/an-hour-behind": withoutDate,
  "answer/without-token": presumptuous,
  "answer/without-type": { "does not look whether the token is bound": Tokens.unbound },
  "answer/of-another-type": presumptuous,
  "answer/empty": desperate,
  "answer/error-with-200": desperate,
  "answer/busy": desperate,
  "answer/secret-quoted": { "quotes the secret": Tokens.talkative },
  "answer/control-characters": { "shows what the server says as it is": Tokens.verbatim },
  "id-token/of-another-issuer": idToken,
  "id-token/for-another-client": idToken,
  "id-token/of-another-sign-in": idToken,
  "id-token/expired": idToken,
  "id-token/from-the-future": idToken,
  "id-token/of-nobody": idToken,
  "plain/wrong-secret": wrongSecret,
  "plain/scope-not-allowed": contented,
  "plain/state-of-another-sign-in": state,
  "plain/code-injected": { "has one verifier for all": SignIn.constantVerifier },
  "plain/dead-refresh-token": { "reports a dead token as any failure": Tokens.indifferent }
}

const attacks = servers.flatMap(({ cases }) => cases).filter(({ attack }) => attack)

const held = attacks.flatMap((one) =>
  Object.entries(mutants[one.name] ?? {}).map(([what, client]) => [`${one.name}: ${what}`, one, client] as const)
)

describe("a client that is broken", () => {
  it("is there for each attack, and for nothing else", () => {
    expect(Object.keys(mutants).sort()).toEqual(attacks.map(({ name }) => name).sort())
  })

  it.for(held)("is noticed, %s", async ([_, one, client], { skip }) => {
    const { observed, ok, skipped } = await Effect.runPromise(Case.run(one, client))
    skip(skipped === true, observed)
    expect(ok, observed).toBe(false)
    // A mutant that breaks everything proves nothing about this case.
    expect(observed).toMatch(/^(Wrong|TokenError|Unauthorized): /)
  })
})
