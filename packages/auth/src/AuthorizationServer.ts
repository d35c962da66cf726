/**
 * Authorization servers ([RFC 6749 §1.1](https://www.rfc-editor.org/rfc/rfc6749#section-1.1)): one service for each issuer
 * and client, which all grants of the client share.
 *
 * The metadata is read once, also by concurrent callers. The server's clock skew and DPoP nonces are shared. Without it,
 * each grant, sign-out and introspection reads the metadata for itself.
 *
 * @since 0.1.0
 */
import * as ConfigOptions from "@countersign/client/ConfigOptions"
import type * as HttpClient from "@effect/platform/HttpClient"
import type { InvalidRequest } from "@countersign/client/Errors"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SharedServer, SharedServerOptions } from "./internal/oauth/client.js"
import * as SharedServers from "./internal/oauth/sharedServer.js"
import type * as OAuth2 from "./OAuth2.js"

export type { SharedServer as Service, SharedServerOptions as Options } from "./internal/oauth/client.js"

/**
 * Makes the authorization server of one client, to pass to its grants: `RefreshToken.layer({ ...server.client, account })`.
 *
 * The metadata is read with the first request that needs it. A read that fails is not cached. A read continues when the
 * caller that started it is interrupted, because other callers may wait for it. It ends within 10 seconds for each URL.
 *
 * Fails with `InvalidRequest` as `OAuth2.make` does, and for an endpoint that is not an https URL.
 *
 * Specification: [RFC 8414 §3](https://www.rfc-editor.org/rfc/rfc8414#section-3).
 *
 * @example
 * import * as AuthorizationServer from "@countersign/auth/AuthorizationServer"
 * import * as Introspection from "@countersign/auth/Introspection"
 * import * as Revocation from "@countersign/auth/Revocation"
 * import * as Effect from "effect/Effect"
 * import * as Redacted from "effect/Redacted"
 *
 * const program = Effect.gen(function* () {
 *   const server = yield* AuthorizationServer.make({
 *     issuer: "https://auth.example.com",
 *     clientId: "api",
 *     clientSecret: Redacted.make("secret")
 *   })
 *   const { introspect } = yield* Introspection.make(server.client)
 *   const { revoke } = yield* Revocation.make(server.client)
 *   return { introspect, revoke }
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: SharedServerOptions
): Effect.Effect<SharedServer, InvalidRequest, HttpClient.HttpClient> => SharedServers.make(options)

/**
 * The class of a tag: `class Login extends AuthorizationServer.Tag("app/Login")<Login>() {}`.
 *
 * @since 0.1.0
 * @category models
 */
export interface TagClass<Self, Id extends string> extends Context.TagClass<Self, Id, SharedServer> {
  /** Layer with the authorization server. Its options and errors are those of {@link make}. */
  readonly layer: (options: SharedServerOptions) => Layer.Layer<Self, InvalidRequest, HttpClient.HttpClient>
  /** Layer like `layer`, with any option from the configuration. Fails with `ConfigError` if the configuration lacks one. */
  readonly layerConfig: (
    options: OAuth2.OrConfig<SharedServerOptions>
  ) => Layer.Layer<Self, ConfigError | InvalidRequest, HttpClient.HttpClient>
  /**
   * Layer of a grant of this client: `Login.layerFrom((client) => RefreshToken.layer({ ...client, account: "ada" }))`.
   *
   * @param f - makes the Layer from the options of the client, see `client` of the service.
   */
  readonly layerFrom: <A, E, R>(
    f: (client: SharedServer["client"]) => Layer.Layer<A, E, R>
  ) => Layer.Layer<A, E, R | Self>
}

/**
 * Makes the tag of an authorization server, so that an application can use several servers, or several clients of one.
 *
 * @example
 * import * as AuthorizationServer from "@countersign/auth/AuthorizationServer"
 * import * as RefreshToken from "@countersign/auth/RefreshToken"
 * import * as Revocation from "@countersign/auth/Revocation"
 * import * as Config from "effect/Config"
 * import * as Effect from "effect/Effect"
 *
 * class Login extends AuthorizationServer.Tag("app/Login")<Login>() {}
 *
 * const LoginLive = Login.layerConfig({
 *   issuer: Config.string("ISSUER"),
 *   clientId: Config.string("CLIENT_ID"),
 *   clientSecret: Config.redacted("CLIENT_SECRET")
 * })
 *
 * const AuthLive = Login.layerFrom((client) => RefreshToken.layer({ ...client, account: "ada" }))
 * const signOut = Effect.flatMap(Login, ({ client }) => Revocation.signOut({ ...client, account: "ada" }))
 *
 * @param id - the key of the service, with a namespace, such as `app/Login`.
 * @since 0.1.0
 * @category tags
 */
export const Tag =
  <const Id extends string>(id: Id) =>
  <Self>(): TagClass<Self, Id> => {
    const tag = Context.Tag(id)<Self, SharedServer>()
    const layer: TagClass<Self, Id>["layer"] = (options) => Layer.effect(tag, make(options))
    return Object.assign(tag, {
      layer,
      layerConfig: (options: OAuth2.OrConfig<SharedServerOptions>) =>
        Layer.unwrapEffect(Effect.map(ConfigOptions.read<SharedServerOptions>(options), layer)),
      layerFrom: <A, E, R>(f: (client: SharedServer["client"]) => Layer.Layer<A, E, R>) =>
        Layer.unwrapEffect(Effect.map(tag, ({ client }) => f(client)))
    })
  }
