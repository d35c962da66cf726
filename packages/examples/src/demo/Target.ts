/** Servers of the scenarios: an embedded or external httpbin, and two embedded servers for what httpbin lacks. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpBin from "@countersign/testing/HttpBin"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { createServer } from "node:http"

export class Target extends Context.Tag("demo/Target")<
  Target,
  {
    readonly baseUrl: string
    /** Whether `baseUrl` is the embedded server, which has more endpoints than httpbin. */
    readonly isEmbedded: boolean
    readonly embedded: Context.Tag.Service<HttpBin.HttpBin>
    readonly oauth: Context.Tag.Service<OAuthServer.OAuthServer>
  }
>() {}

/** Keeps idle connections for a minute, so that a busy machine does not change how many a scenario opens. */
const server = () => createServer({ keepAliveTimeout: 60_000 })

const port = () => NodeHttpServer.layer(server, { host: "127.0.0.1", port: 0 })

const servers = Layer.merge(
  Layer.provide(HttpBin.layerWith({ apiKeys: ["the-next-key"] }), port()),
  Layer.provide(OAuthServer.layer({ refreshTokens: true }), port())
)

export const layer = (baseUrl: string | undefined) =>
  Layer.provide(
    Layer.effect(
      Target,
      Effect.map(Effect.all([HttpBin.HttpBin, OAuthServer.OAuthServer]), ([embedded, oauth]) => ({
        baseUrl: baseUrl ?? embedded.baseUrl,
        isEmbedded: baseUrl === undefined,
        embedded,
        oauth
      }))
    ),
    servers
  )
