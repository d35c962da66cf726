/** `@node-oauth/oauth2-server` in this process: RFC 6749 and PKCE, without metadata and OpenID Connect. */
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

/** The registered client. The authorization endpoint receives it without a secret. */
const client: OAuth2Server.Client = {
  id: "web",
  redirectUris: [redirectUri],
  grants: ["authorization_code", "refresh_token", "client_credentials"]
}

/** The storage, which the library requires from its application. */
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

/** The authorization endpoint, the token endpoint and an API. */
const answer = async (
  server: OAuth2Server,
  incoming: Http.IncomingMessage
): Promise<{ readonly status: number; readonly headers: Record<string, string>; readonly body: unknown }> => {
  const url = new URL(incoming.url ?? "/", "http://server.test")
  const request = new OAuth2Server.Request({
    method: incoming.method ?? "GET",
    // The library ignores a repeated field.
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
    // The types of the library are incomplete.
    return { status: response.status ?? 200, headers: response.headers ?? {}, body: response.body as unknown }
  } catch (error) {
    // The library throws no other errors.
    const { code, message, name } = error as OAuth2Server.OAuthError
    return { status: code, headers: response.headers ?? {}, body: { error: name, error_description: message } }
  }
}

/** Unencoded credentials: the library does not decode them as RFC 6749 §2.3.1 requires. */
export const knownBy = (text: string): Pick<OAuth2.Client, "clientSecret" | "clientAuthentication"> => {
  const clientSecret = Redacted.make(text)
  return { clientSecret, clientAuthentication: ClientAuthentication.clientSecretBasicUnencoded(clientSecret) }
}

/** Starts a server and returns the options of a client, endpoints included. The server stops with the scope. */
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
