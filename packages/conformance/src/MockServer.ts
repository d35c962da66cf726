/** oauth2-mock-server in this process. It accepts every request, and its responses can be edited. */
import type * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { MutableResponse, MutableToken } from "oauth2-mock-server"
import { OAuth2Server } from "oauth2-mock-server"
import { redirectUri, secret } from "./Provider.js"

/** Edits of token responses, and of ID tokens before they are signed. */
export interface ResponseEdits {
  readonly answer?: (answer: MutableResponse) => void
  readonly idToken?: (claims: MutableToken["payload"]) => void
}

/** Starts a server with a new key and returns the options of a client. The server stops with the scope. */
export const make = ({
  answer,
  idToken
}: ResponseEdits): Effect.Effect<AuthorizationCode.Options, never, Scope.Scope> =>
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
