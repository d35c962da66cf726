import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerError from "@effect/platform/HttpServerError"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** Base URL of a server. A wildcard address is replaced by loopback. */
export const baseUrl: Effect.Effect<string, HttpServerError.ServeError, HttpServer.HttpServer> = Effect.flatMap(
  HttpServer.HttpServer,
  ({ address }) => {
    if (address._tag === "UnixAddress") {
      const cause = new Error("the server listens on a Unix socket, and an HTTP client needs a TCP port")
      return Effect.fail(new HttpServerError.ServeError({ cause }))
    }
    const host = address.hostname === "0.0.0.0" ? "127.0.0.1" : address.hostname
    return Effect.succeed(`http://${host.includes(":") ? `[${host}]` : host}:${address.port}`)
  }
)

/** Serves an app until the scope closes. */
export const serve = (
  app: HttpApp.Default<never, Scope.Scope>
): Effect.Effect<void, never, HttpServer.HttpServer | Scope.Scope> => HttpServer.serveEffect(app)
