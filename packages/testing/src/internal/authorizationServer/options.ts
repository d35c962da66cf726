import type * as Duration from "effect/Duration"
import type { Profile } from "../profiles/profile.js"
import type * as Fault from "./faults/fault.js"
import type { Jwk } from "./tokens/jwt.js"

/**
 * A client: its `secret`, the public keys of its JWTs (`jwks`), where its codes may be sent (`redirectUris`: exactly
 * these, but for the port of `http://127.0.0.1` and `http://[::1]`), and what it may ask for (`grantTypes`: all).
 * `public` is a client that shows nothing but its name; one without a secret and without keys is.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClientOptions {
  readonly secret?: string | undefined
  readonly redirectUris?: ReadonlyArray<string> | undefined
  readonly jwks?: { readonly keys: ReadonlyArray<Jwk> } | undefined
  readonly grantTypes?: ReadonlyArray<string> | undefined
  readonly public?: boolean | undefined
}

/**
 * What the server is told to be.
 *
 * - `clients`: secrets by client (`{ client: "secret" }`), or {@link ClientOptions}
 * - `scopes`: the scopes that it knows; any, when it is left out
 * - `resources`: the resources that tokens can be asked for, as absolute URIs (RFC 8707); any, when it is left out
 * - `accessTokenLifetime`: one hour; down to milliseconds
 * - `expiresIn`: how `expires_in` is sent: rounded down to whole `"seconds"` (true, the same), which is 0 for a lifetime
 *   of less than one; `"exact"`, as a fraction, which RFC 6749 does not have and clients take all the same; or not at
 *   all (false)
 * - `refreshTokens`: whether client credentials get a refresh token, too (false)
 * - `rotation`: whether each refresh gives a new refresh token (true); without, the answer leaves it out
 * - `reuseGrace`: how long after its first use a used refresh token is taken again, for answers that were lost, as often
 *   as it comes, while nothing that it was exchanged for was used (0: never)
 * - `reuseResponse`: the refresh token that it is exchanged for again: `"another"` one of the same family, as Auth0 has it
 *   (default), or the `"same"` one as before, as if the first answer had been kept, as Drupal's Refresh Token Buffer does
 * - `replicationDelay`: how long `/resource` does not know an access token yet: 401 `invalid_token` (0)
 * - `clockOffset`: how far the server's clock (its `Date`, and the times in JWTs that it makes and judges) is ahead of
 *   Effect's, in milliseconds (0); less than 0 for behind. What it tells tests (`at`) is Effect's clock
 * - `faults`: for each call of the token endpoint in order, or as a function of it, the answer that replaces its own
 * - `consent`: the result of authorization requests: `"approve"` at once (default), `"deny"`, or `"manual"`: the user decides
 *   on a page with two buttons, or by `approve` and `deny` of the service
 * - `subject`: who the user is, the `sub` of tokens (`"user"`)
 * - `pkce`: `"required"` (default), or `"optional"`; S256 in any case
 * - `pushedRequests`: `"optional"` (default), or `"required"`: `/authorize` takes a `request_uri` only
 * - `codeLifetime`: how long an authorization code is good (10 minutes)
 * - `device`: how often a device may ask (`interval`, 5 seconds), and for how long (`lifetime`, 10 minutes)
 * - `dpop`: whether every token has to be bound to a key (`required`, false) and every proof has to carry a nonce
 *   (`nonce`, false), how long each nonce is given out (`nonceLifetime`, one minute; it is taken for as long again); and
 *   `downgrade`, a fault: proofs are checked, and tokens are `Bearer` all the same
 * - `initialAccessToken`: what `/register` asks for as a Bearer token; nothing, when it is left out
 * - `overrides`: members of the metadata, parameters of the redirect with the code, and claims of ID tokens that are not
 *   the server's own: what an attacker would send. One that is `undefined` is left out
 * - `profile`: the provider that the server imitates, see {@link profiles}; other options go before its settings
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly clients?: Readonly<Record<string, string | ClientOptions>> | undefined
  readonly scopes?: ReadonlyArray<string> | undefined
  readonly resources?: ReadonlyArray<string> | undefined
  readonly accessTokenLifetime?: Duration.DurationInput | undefined
  readonly expiresIn?: boolean | "seconds" | "exact" | undefined
  readonly refreshTokens?: boolean | undefined
  readonly rotation?: boolean | undefined
  readonly reuseGrace?: Duration.DurationInput | undefined
  readonly reuseResponse?: "another" | "same" | undefined
  readonly replicationDelay?: Duration.DurationInput | undefined
  readonly clockOffset?: number | undefined
  readonly faults?: Fault.Script | undefined
  readonly consent?: "approve" | "deny" | "manual" | undefined
  readonly subject?: string | undefined
  readonly pkce?: "required" | "optional" | undefined
  readonly pushedRequests?: "required" | "optional" | undefined
  readonly codeLifetime?: Duration.DurationInput | undefined
  readonly device?:
    | { readonly interval?: Duration.DurationInput | undefined; readonly lifetime?: Duration.DurationInput | undefined }
    | undefined
  readonly dpop?:
    | {
        readonly required?: boolean | undefined
        readonly nonce?: boolean | undefined
        readonly nonceLifetime?: Duration.DurationInput | undefined
        readonly downgrade?: boolean | undefined
      }
    | undefined
  readonly initialAccessToken?: string | undefined
  readonly profile?: Profile | undefined
  readonly overrides?:
    | {
        readonly metadata?: Readonly<Record<string, unknown>> | undefined
        readonly redirect?: Readonly<Record<string, string | undefined>> | undefined
        readonly idToken?: Readonly<Record<string, unknown>> | undefined
      }
    | undefined
}
