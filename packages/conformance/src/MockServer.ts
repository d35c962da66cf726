/** oauth2-mock-server in this process: it takes whatever it is given, and its answers can be spoilt before they leave. */
import type * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { MutableResponse, MutableToken } from "oauth2-mock-server"
import { OAuth2Server } from "oauth2-mock-server"
import { redirectUri, secret } from "./Provider.js"

/** What is done to an answer of the token endpoint, and to an ID token before it is signed. */
export interface Spoils {
  readonly answer?: (answer: MutableResponse) => void
  readonly idToken?: (claims: MutableToken["payload"]) => void
}

/** Starts a server with a key of its own, which is stopped with the scope, and gives the options of a client. */
export const make = ({ answer, idToken }: Spoils): Effect.Effect<AuthorizationCode.Options, never, Scope.Scope> =>
  Effect.gen(function* () {
    const server = new OAuth2Server()
    yield* Effect.promise(() => server.issuer.keys.generate("RS256"))
    yield* Effect.acquireRelease(
      Effect.promise(() => server.start(0, "127.0.0.1")),
      () => Effect.promise(() => server.stop())
    )
    server.service.on("beforeResponse", (response: MutableResponse) => answer?.(response))
    server.service.on("beforeTokenSigning", ({ payload }: MutableToken) => {
      if ("nonce" in payload) idToken?.(payload)
    })
    return {
      issuer: server.issuer.url ?? "",
      clientId: "web",
      clientSecret: Redacted.make(secret),
      redirectUri,
      scopes: ["openid", "read"],
      transport: OAuth2.dangerouslyAllowHttpOnLoopback
    }
  })
