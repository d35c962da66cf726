/** OAuth over the platform's `fetch`, which follows redirects unless a request turns that off. */
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as ProtectedResource from "@countersign/auth/ProtectedResource"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"

/** A server that redirects every request to `/elsewhere`, which responds with metadata and a token. */
const redirecting = Effect.acquireRelease(
  Effect.async<{ readonly server: Http.Server; readonly origin: string; readonly asked: Array<string> }>((resume) => {
    const asked: Array<string> = []
    const server = Http.createServer(({ url = "" }, response) => {
      asked.push(url)
      // A server that listens on a port has an `AddressInfo`.
      const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      if (!url.startsWith("/elsewhere")) return void response.writeHead(307, { location: "/elsewhere" }).end()
      response.writeHead(200, { "content-type": "application/json" })
      const servers = { authorization_servers: ["https://evil.test"], resource: `${origin}/api` }
      const token = { access_token: "canary", token_type: "bearer" }
      response.end(JSON.stringify({ issuer: origin, token_endpoint: `${origin}/elsewhere`, ...servers, ...token }))
    })
    server.listen(0, "127.0.0.1", () => {
      resume(Effect.succeed({ server, asked, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }))
    })
  }),
  ({ server }) =>
    Effect.sync(() => {
      server.closeAllConnections()
      server.close()
    })
)

const transport = OAuth2.dangerouslyAllowHttpOnLoopback

describe("OAuth2 over fetch", () => {
  it.scopedLive("follows no redirect of a metadata or token request, so that the secret is not forwarded", () =>
    Effect.gen(function* () {
      const { asked, origin } = yield* redirecting
      const client = { issuer: origin, clientId: "client", clientSecret: Redacted.make("secret"), transport }
      for (const tokenEndpoint of [undefined, `${origin}/token`]) {
        const { clientCredentials } = yield* OAuth2.make({ ...client, tokenEndpoint })
        expect(yield* Effect.flip(clientCredentials({}))).toMatchObject({ _tag: "TokenError" })
      }
      expect(asked.filter((url) => url.startsWith("/elsewhere"))).toEqual([])
    }).pipe(Effect.provide(FetchHttpClient.layer))
  )

  it.scopedLive("follows no redirect of a protected resource metadata request", () =>
    Effect.gen(function* () {
      const { asked, origin } = yield* redirecting
      const error = yield* Effect.flip(ProtectedResource.discover(`${origin}/api`, { transport }))
      expect(error).toMatchObject({ _tag: "TokenError" })
      expect(asked.filter((url) => url.startsWith("/elsewhere"))).toEqual([])
    }).pipe(Effect.provide(FetchHttpClient.layer))
  )
})
