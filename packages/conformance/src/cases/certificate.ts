/** A service that proves who it is by the certificate of its connection. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { TLSSocket } from "node:tls"
import type { Case } from "../Case.js"
import { attack, works } from "../Case.js"
import * as Certificates from "../Certificates.js"
import { holds, refused } from "../Checks.js"
import type { Client } from "../Client.js"
import * as Provider from "../Provider.js"
import { optionsOf } from "../Session.js"

/** As much as the server's configuration is given of a request. */
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

/** A server that knows `client.test`, and a conversation of a client with one of the certificates. */
const shown = (client: Client, whose: "client" | "neighbour" | "impostor") =>
  Effect.gen(function* () {
    const { ca, server, [whose]: identity } = yield* Certificates.certificates
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
    const tls = { ca, origins: [provider.issuer], cert: identity.cert, key: Redacted.make(identity.key) }
    const transport = Effect.map(NodeTransport.make({ tls }), client.http)
    return yield* Effect.provideServiceEffect(client.conversation(options), HttpClient.HttpClient, transport)
  })

const right = works("client-credentials/tls_client_auth", (client) =>
  Effect.gen(function* () {
    const { clientCredentials } = yield* shown(client, "client")
    const { scope } = yield* clientCredentials({ scope: "read" })
    yield* holds(scope === "read", "the scope that was asked for is granted")
    return "a token with the scope, by the certificate of the connection"
  })
)

const wrong = (whose: "neighbour" | "impostor"): Case =>
  attack(`client-credentials/tls_client_auth/${whose}`, (client) =>
    Effect.flatMap(shown(client, whose), ({ clientCredentials }) =>
      refused(clientCredentials({}), { reason: "Rejected", error: "invalid_client" })
    )
  )

export const certificate: ReadonlyArray<Case> = [right, wrong("neighbour"), wrong("impostor")]
