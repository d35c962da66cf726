import * as NodeTransport from "@countersign/node/NodeTransport"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as ConfigProvider from "effect/ConfigProvider"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { certificates } from "./certificates.js"
import { proxy } from "./proxy.js"
import { squid } from "./squid.js"

/** A route to an origin: whether the origin uses TLS, and the environment of the transport. */
export interface Route {
  readonly secure: boolean
  readonly env: Effect.Effect<Record<string, string>, never, Scope.Scope>
}

const none = Effect.succeed({})

/** Without a proxy. */
export const directRoute: Route = { secure: false, env: none }

/** The transport for a route. */
export const transportOf = ({
  env
}: Route): Effect.Effect<Layer.Layer<HttpClient.HttpClient, ConfigError>, never, Scope.Scope> =>
  Effect.map(env, (entries) =>
    NodeTransport.layerProxyEnvWith({ tls: { ca: certificates?.ca } }).pipe(
      Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(entries)))))
    )
  )

const through = (name: string, url: Effect.Effect<string, never, Scope.Scope>) =>
  Effect.map(url, (value): Record<string, string> => ({ [name]: value }))
const own = Effect.map(proxy(), ({ url }) => url)
const user = { name: "user", password: "p:ss w@rd" }
const withUser = (url: string) => {
  const full = new URL(url)
  full.username = user.name
  full.password = encodeURIComponent(user.password)
  return full.href
}

/** The routes that need no other program. */
export const routes: Record<string, Route> = {
  "forwarded by a proxy": { secure: false, env: through("HTTP_PROXY", own) },
  "past a proxy, because of NO_PROXY": {
    secure: false,
    env: Effect.succeed({ HTTP_PROXY: "http://127.0.0.1:1", NO_PROXY: "127.0.0.0/8" })
  },
  ...(certificates === undefined
    ? {}
    : {
        "directly, with TLS": { secure: true, env: none },
        "through a tunnel of a proxy": { secure: true, env: through("HTTPS_PROXY", own) },
        "through a tunnel of a proxy with TLS": {
          secure: true,
          env: through(
            "HTTPS_PROXY",
            Effect.map(proxy({ secure: true }), ({ url }) => url)
          )
        },
        "forwarded by a proxy with TLS": {
          secure: false,
          env: through(
            "HTTP_PROXY",
            Effect.map(proxy({ secure: true }), ({ url }) => url)
          )
        }
      })
}

/** The routes through squid. */
export const squidRoutes: Record<string, Route> = {
  "forwarded by squid": { secure: false, env: through("HTTP_PROXY", squid()) },
  "forwarded by squid with credentials": {
    secure: false,
    env: through("HTTP_PROXY", Effect.map(squid(user), withUser))
  },
  "through a tunnel of squid": { secure: true, env: through("HTTPS_PROXY", squid()) },
  "through a tunnel of squid with credentials": {
    secure: true,
    env: through("HTTPS_PROXY", Effect.map(squid(user), withUser))
  }
}
