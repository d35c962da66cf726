/**
 * Where the browser comes back to after somebody has signed in for a program on their own machine.
 *
 * @since 0.1.0
 */
import { InvalidRequest, TokenError } from "@countersign/client/Errors"
import * as Redact from "@countersign/protocol/Redact"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Scope } from "effect/Scope"
import * as CallbackServer from "./internal/signIn/callbackServer.js"

/**
 * Where to listen.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The loopback address: IPv4's when left out, or IPv6's where there is no such. `localhost` is for servers that allow no
   * other redirect URI (Salesforce): it is the name in the redirect URI, and both addresses are listened on, on one port.
   * [RFC 8252 §8.3](https://www.rfc-editor.org/rfc/rfc8252#section-8.3) recommends an address.
   */
  readonly host?: "127.0.0.1" | "::1" | "localhost" | undefined
  /** A port that is free, when left out: servers let a loopback address have any (RFC 8252 §7.3), if they keep to it. */
  readonly port?: number | undefined
  /** The path of the registered redirect URI (`/callback`), without a query. */
  readonly path?: string | undefined
  /** How long somebody may take (5 minutes). */
  readonly timeout?: Duration.DurationInput | undefined
}

/**
 * A listener for one answer.
 *
 * @since 0.1.0
 * @category models
 */
export interface LoopbackListener {
  /** What to begin the sign-in with: `http://127.0.0.1:49152/callback`, or `http://localhost:49152/callback`. */
  readonly redirectUri: string
  /**
   * The parameters of the answer with this `state`, once the browser was given its page. Requests without it, which any
   * page in any browser could make, are not the answer, and neither is what comes before this runs: run it before, or
   * while, the browser opens.
   *
   * Fails with `TokenError` (`ReauthorizationRequired`) where none has come in time.
   */
  readonly waitForCallback: (state: string) => Effect.Effect<URLSearchParams, TokenError>
}

const timedOut = (after: Duration.Duration): TokenError =>
  new TokenError({
    reason: "ReauthorizationRequired",
    detail: `nobody has signed in within ${Duration.format(after)}: begin anew`
  })

const cannotListen = (error: Error): TokenError =>
  new TokenError({
    reason: "Unavailable",
    sent: "no",
    detail: `the browser has nowhere to come back to, since this machine lets nobody listen on loopback (${Redact.text(error.message, 100)})`
  })

const isPath = (path: string): boolean => /^\/[\w\-.~/]*$/.test(path) && !path.startsWith("//")

const isPort = (port: number): boolean => Number.isInteger(port) && port >= 0 && port <= 65_535

const invalidAddress = new InvalidRequest({
  reason: "Url",
  detail: "nobody can listen there: give a path like /callback, and a port from 0 to 65535"
})

/**
 * Listens on loopback until the scope closes or the answer has come: for one sign-in, on an address that no other machine
 * reaches, and on a free port.
 *
 * Only a GET for the path, with the authority of the redirect URI as its host (which another name that leads here is not),
 * and with the state of the sign-in is the answer; all other requests get a 404 and end nothing. A request's head is read up to 8 KiB
 * and for 5 seconds. The page that is shown says that the window may be closed; nothing of the request is in it.
 *
 * Fails with `TokenError` (`Unavailable`) where nobody can listen there, and with `InvalidRequest` for a path or a port that
 * is none.
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
