/** `@node-oauth/oauth2-server` in this process: OAuth 2 as RFC 6749 and PKCE have it, without metadata and OpenID Connect. */
import OAuth2Server from "@node-oauth/oauth2-server"
import type * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import { closed, listening } from "./Listening.js"
import { redirectUri, secret } from "./Provider.js"

type Model = OAuth2Server.AuthorizationCodeModel & OAuth2Server.RefreshTokenModel & OAuth2Server.ClientCredentialsModel

const user = { id: "ada" }

/** The one client that it knows, by its secret, or without one where it only sends a browser. */
const client: OAuth2Server.Client = {
  id: "web",
  redirectUris: [redirectUri],
  grants: ["authorization_code", "refresh_token", "client_credentials"]
}

/** What the library leaves to who uses it: where things are kept. */
const makeModel = (): Model => {
  const codes = new Map<string, OAuth2Server.AuthorizationCode>()
  const tokens = new Map<string, OAuth2Server.Token>()
  const refreshTokens = new Map<string, OAuth2Server.RefreshToken>()
  return {
    getClient: (id, given: string | null) =>
      Promise.resolve(id === client.id && (given === null || given === secret) ? client : undefined),
    getUserFromClient: () => Promise.resolve(user),
    validateScope: (_user, _client, scope = []) =>
      Promise.resolve(scope.every((one) => one === "read") ? scope : undefined),
    saveToken: (token) => {
      const saved = { ...token, client, user }
      tokens.set(token.accessToken, saved)
      if (token.refreshToken !== undefined) {
        refreshTokens.set(token.refreshToken, { ...saved, refreshToken: token.refreshToken })
      }
      return Promise.resolve(saved)
    },
    getAccessToken: (token) => Promise.resolve(tokens.get(token)),
    getRefreshToken: (token) => Promise.resolve(refreshTokens.get(token)),
    revokeToken: ({ refreshToken }) => Promise.resolve(refreshTokens.delete(refreshToken)),
    saveAuthorizationCode: (code) => {
      const saved = { ...code, client, user }
      codes.set(code.authorizationCode, saved)
      return Promise.resolve(saved)
    },
    getAuthorizationCode: (code) => Promise.resolve(codes.get(code)),
    revokeAuthorizationCode: ({ authorizationCode }) => Promise.resolve(codes.delete(authorizationCode))
  }
}

const bodyOf = async (incoming: Http.IncomingMessage): Promise<Record<string, string>> => {
  let text = ""
  for await (const chunk of incoming.setEncoding("utf8")) text += chunk
  return Object.fromEntries(new URLSearchParams(text))
}

/** Its three places: where a browser is sent to, where tokens are given out, and an API that takes them. */
const answer = async (
  server: OAuth2Server,
  incoming: Http.IncomingMessage
): Promise<{ readonly status: number; readonly headers: Record<string, string>; readonly body: unknown }> => {
  const url = new URL(incoming.url ?? "/", "http://server.test")
  const request = new OAuth2Server.Request({
    method: incoming.method ?? "GET",
    // A field that is there more than once is none that it looks at.
    headers: incoming.headers as Record<string, string>,
    query: Object.fromEntries(url.searchParams),
    body: await bodyOf(incoming)
  })
  const response = new OAuth2Server.Response()
  const work = {
    "/authorize": () => server.authorize(request, response, { authenticateHandler: { handle: () => user } }),
    "/token": () => server.token(request, response),
    "/api": () => server.authenticate(request, response)
  }[url.pathname]
  if (work === undefined) return { status: 404, headers: {}, body: {} }
  try {
    await work()
    // The types of the library say less than it does.
    return { status: response.status ?? 200, headers: response.headers ?? {}, body: response.body as unknown }
  } catch (error) {
    // It throws nothing else.
    const { code, message, name } = error as OAuth2Server.OAuthError
    return { status: code, headers: response.headers ?? {}, body: { error: name, error_description: message } }
  }
}

/** It does not undo the encoding that RFC 6749 asks for, and takes a secret as it is. */
export const knownBy = (text: string): Pick<OAuth2.Client, "clientSecret" | "clientAuthentication"> => {
  const clientSecret = Redacted.make(text)
  return { clientSecret, clientAuthentication: ClientAuthentication.clientSecretBasicUnencoded(clientSecret) }
}

/** Starts a server, which is stopped with the scope, and gives the options of a client, which has to know its endpoints. */
export const make: Effect.Effect<AuthorizationCode.Options, never, Scope.Scope> = Effect.gen(function* () {
  const server = new OAuth2Server({ model: makeModel() })
  const listener = yield* Effect.acquireRelease(
    Effect.sync(() =>
      Http.createServer((incoming, outgoing) => {
        void answer(server, incoming).then(({ body, headers, status }) => {
          outgoing.writeHead(status, { ...headers, "content-type": "application/json" })
          outgoing.end(JSON.stringify(body ?? {}))
        })
      })
    ),
    closed
  )
  const issuer = `http://127.0.0.1:${yield* listening(listener, 0)}`
  return {
    issuer,
    authorizationEndpoint: `${issuer}/authorize`,
    tokenEndpoint: `${issuer}/token`,
    clientId: client.id,
    ...knownBy(secret),
    redirectUri,
    scopes: ["read"],
    transport: OAuth2.dangerouslyAllowHttpOnLoopback
  }
})
