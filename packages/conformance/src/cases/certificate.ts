/** Mutual TLS client authentication with `tls_client_auth` (RFC 8705). */
import * as HttpClient from "@effect/platform/HttpClient"
import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { TLSSocket } from "node:tls"
import type { Case } from "../Case.js"
import { rejects, succeeds } from "../Case.js"
import * as Certificates from "../Certificates.js"
import { expectThat, expectTokenError } from "../Checks.js"
import type { Client } from "../Client.js"
import * as Provider from "../Provider.js"
import { optionsOf } from "../Session.js"

/** The part of oidc-provider's request context that this configuration reads. */
interface Context {
  readonly req: { readonly socket: unknown }
}

const peerOf = ({ req: { socket } }: Context) => (socket instanceof TLSSocket ? socket : undefined)

const mTLS = {
  enabled: true,
  tlsClientAuth: true,
  getCertificate: (context: Context) => peerOf(context)?.getPeerX509Certificate()?.toString(),
  certificateAuthorized: (context: Context) => peerOf(context)?.authorized === true,
  certificateSubjectMatches: (context: Context, _property: string, expected: string) =>
    peerOf(context)?.getPeerX509Certificate()?.checkHost(expected) === expected
}

/** A server that accepts `client.test`, and a client with one of the certificates. */
const shown = (client: Client, identity: "client" | "neighbour" | "impostor") =>
  Effect.gen(function* () {
    const { ca, server, [identity]: certificate } = yield* Certificates.certificates
    const method = "tls_client_auth"
    const more = {
      client_secret: undefined,
      token_endpoint_auth_method: method,
      tls_client_auth_san_dns: "client.test"
    }
    const provider = yield* Provider.make({
      configuration: { clients: [Provider.registered("web", more)], clientAuthMethods: [method] },
      features: { mTLS },
      tls: { ...server, ca, requestCert: true, rejectUnauthorized: false }
    })
    const options = {
      ...optionsOf(provider, { clientSecret: undefined, clientAuthentication: ClientAuthentication.tlsClientAuth }),
      transport: undefined
    }
    const tls = { ca, origins: [provider.issuer], cert: certificate.cert, key: Redacted.make(certificate.key) }
    const transport = Effect.map(NodeTransport.make({ tls }), client.http)
    return yield* Effect.provideServiceEffect(client.conversation(options), HttpClient.HttpClient, transport)
  })

const right = succeeds("client-credentials/tls_client_auth", (client) =>
  Effect.gen(function* () {
    const { clientCredentials } = yield* shown(client, "client")
    const { scope } = yield* clientCredentials({ scope: "read" })
    yield* expectThat(scope === "read", "the scope that was asked for is granted")
    return "a token with the requested scope, by the client certificate"
  })
)

const wrong = (identity: "neighbour" | "impostor"): Case =>
  rejects(`client-credentials/tls_client_auth/${identity}`, (client) =>
    Effect.flatMap(shown(client, identity), ({ clientCredentials }) =>
      expectTokenError(clientCredentials({}), { reason: "Rejected", error: "invalid_client" })
    )
  )

export const certificate: ReadonlyArray<Case> = [right, wrong("neighbour"), wrong("impostor")]
