/** Options of the transport: certificates, HTTP/2, a Unix socket, connections. */
import * as Auth from "@countersign/client/Auth"
import * as ApiClient from "@countersign/client/ApiClient"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

// #region authority
/** Trusts a private certificate authority, instead of those that Node trusts. `CA` is a text in PEM. */
export const PrivateAuthority = Layer.unwrapEffect(
  Effect.map(Config.string("CA"), (ca) => NodeTransport.layerWith({ tls: { ca } }))
)
// #endregion

// #region certificate
/** Shows a client certificate to one origin (mutual TLS). All values are texts in PEM. */
export const ClientCertificate = Layer.unwrapEffect(
  Effect.map(
    Config.all({ ca: Config.string("CA"), cert: Config.string("CERT"), key: Config.redacted("KEY") }),
    (identity) => NodeTransport.layerWith({ tls: { ...identity, origins: ["https://localhost:8443"] } })
  )
)
// #endregion

// #region options
export const Http2 = NodeTransport.layerWith({ allowH2: true })

/** At most eight connections to each origin, and shorter timeouts. */
export const Strict = NodeTransport.layerWith({
  connections: 8,
  connectTimeout: "2 seconds",
  headersTimeout: "5 seconds",
  bodyTimeout: "5 seconds"
})

/** For URLs from users: connects to no address of the private network 10.0.0.0/8, and not to this machine. */
export const NoPrivate = NodeTransport.layerWith({
  allowAddress: (address) => !address.startsWith("10.") && !address.startsWith("127.") && address !== "::1"
})
// #endregion

// #region socket
class Docker extends ApiClient.Tag("app/Docker")<Docker>() {}

/** All connections go to the socket. The host of the URL is only the `host` field. */
export const dockerAt = (socketPath: string) =>
  Docker.layer({ baseUrl: "http://docker", auth: Auth.none }).pipe(
    Layer.provide(NodeTransport.layerWith({ socketPath }))
  )

export const program = Effect.gen(function* () {
  const docker = yield* Docker
  yield* Console.log(yield* (yield* docker.get("/version")).json)
})
// #endregion
