/**
 * Loopback redirect URI for native apps ([RFC 8252 §7.3](https://www.rfc-editor.org/rfc/rfc8252#section-7.3)): an HTTP
 * server on this machine that receives the authorization response.
 *
 * @since 0.1.0
 */
import { InvalidRequest } from "@countersign/client/Errors"
import { TokenError } from "@countersign/auth/Errors"
import * as Redact from "@countersign/protocol/Redact"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Scope } from "effect/Scope"
import * as OptionNames from "./internal/options/optionNames.js"
import * as CallbackServer from "./internal/signIn/callbackServer.js"

/**
 * Options of {@link make}: where to listen, and for how long.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The loopback address. Default: `127.0.0.1`, or `::1` on a machine without IPv4.
   *
   * `localhost` is for servers that accept no other redirect URI (Salesforce). The redirect URI then contains
   * `localhost`, and the listener uses one port on both addresses.
   * [RFC 8252 §8.3](https://www.rfc-editor.org/rfc/rfc8252#section-8.3) recommends an address.
   */
  readonly host?: "127.0.0.1" | "::1" | "localhost" | undefined
  /**
   * The port. Default: a free port. Authorization servers must accept any port of a loopback redirect URI
   * (RFC 8252 §7.3).
   */
  readonly port?: number | undefined
  /** The path of the registered redirect URI, without a query. Default: `/callback`. */
  readonly path?: string | undefined
  /** How long the user may take to sign in. Default: 5 minutes. */
  readonly timeout?: Duration.DurationInput | undefined
}

const names: OptionNames.ShapeOf<Options> = { host: true, port: "size", path: true, timeout: "duration" }

/**
 * A listener for one authorization response.
 *
 * @since 0.1.0
 * @category models
 */
export interface LoopbackListener {
  /** The redirect URI of the authorization request, such as `http://127.0.0.1:49152/callback`. */
  readonly redirectUri: string
  /**
   * Waits for the authorization response with this `state`, and returns its parameters after the page was sent to the
   * browser.
   *
   * Start it before the browser opens, or concurrently: requests that arrive earlier get a 404. Requests with another
   * `state` get a 404 too, because any page in any browser can send them.
   *
   * Fails with `TokenError` (`ReauthorizationRequired`) if no response arrives within `timeout`.
   */
  readonly waitForCallback: (state: string) => Effect.Effect<URLSearchParams, TokenError>
}

const timedOut = (after: Duration.Duration): TokenError =>
  new TokenError({
    reason: "ReauthorizationRequired",
    detail: `no authorization response within ${Duration.format(after)}. Sign in again, or increase \`timeout\`.`
  })

const cannotListen = (error: Error): TokenError =>
  new TokenError({
    reason: "Unavailable",
    sent: "no",
    detail: `cannot listen on loopback: ${Redact.text(error.message, 100)}. Choose another \`port\` or \`host\`.`
  })

const isPath = (path: string): boolean => /^\/[\w\-.~/]*$/.test(path) && !path.startsWith("//")

const isPort = (port: number): boolean => Number.isInteger(port) && port >= 0 && port <= 65_535

const invalidAddress = new InvalidRequest({
  reason: "Url",
  detail: "invalid `path` or `port`. Set `path` to a path like /callback, and `port` to a number from 0 to 65535."
})

/**
 * Listens on loopback for one authorization response, until it arrives or the scope closes. No other machine can
 * connect.
 *
 * The response is a GET request for `path`, with the `state` of the sign-in. Its `Host` must be that of the redirect
 * URI, which protects against DNS rebinding. Every other request gets a 404. The header section of a request may have 8
 * KiB, and must arrive within 5 seconds. The page in the browser says that the window may be closed, and contains
 * nothing of the request.
 *
 * Fails with `TokenError` (`Unavailable`) if it cannot listen, and with `InvalidRequest` for an invalid `path` or
 * `port`.
 *
 * Specification: [RFC 8252 §7.3](https://www.rfc-editor.org/rfc/rfc8252#section-7.3),
 * [RFC 8252 §8.3](https://www.rfc-editor.org/rfc/rfc8252#section-8.3).
 *
 * @example
 * import * as LoopbackListener from "@countersign/node/LoopbackListener"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const { redirectUri, waitForCallback } = yield* LoopbackListener.make()
 *   yield* Effect.log(`the redirect URI is ${redirectUri}`)
 *   return yield* waitForCallback("the state of the sign-in")
 * }).pipe(Effect.scoped)
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<LoopbackListener, InvalidRequest | TokenError, Scope> =>
  Effect.gen(function* () {
    yield* OptionNames.check("`LoopbackListener`", options, names)
    const { host, path = "/callback", port = 0 } = options
    const timeout = Duration.decode(options.timeout ?? "5 minutes")
    if (!isPath(path) || !isPort(port)) return yield* invalidAddress
    const listenOn = (address: NonNullable<Options["host"]>) =>
      Effect.map(CallbackServer.make({ host: address, port, path }), (server) => ({ server, address }))
    const listen =
      host === undefined
        ? Effect.catchIf(listenOn("127.0.0.1"), CallbackServer.isAddressUnavailable, () => listenOn("::1"))
        : listenOn(host)
    const { address, server } = yield* Effect.mapError(listen, cannotListen)
    return {
      redirectUri: `http://${CallbackServer.authority(address, server.port)}${path}`,
      waitForCallback: (state) =>
        Effect.timeoutFail(
          server.waitForRequest((parameters) => {
            const [value, ...others] = parameters.getAll("state")
            return value === state && others.length === 0
          }),
          { duration: timeout, onTimeout: () => timedOut(timeout) }
        )
    }
  })
