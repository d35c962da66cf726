import * as Duration from "effect/Duration"
import type { Options } from "../../OAuthServer.js"

/** What a server was told to be; every field has its default by now. Durations are milliseconds. */
export interface Settings {
  readonly clients: ReadonlyMap<string, string>
  readonly scopes: ReadonlyArray<string> | undefined
  readonly accessTokenLifetime: number
  readonly expiresIn: "seconds" | "exact" | false
  readonly refreshTokens: boolean
  readonly rotation: boolean
  readonly reuseGrace: number
  readonly reuseGives: "another" | "same"
  readonly replicationDelay: number
  readonly clockOffset: number
}

export const of = (options: Options): Settings => ({
  clients: new Map(Object.entries(options.clients ?? { client: "secret" })),
  scopes: options.scopes,
  accessTokenLifetime: Duration.toMillis(options.accessTokenLifetime ?? "1 hour"),
  expiresIn: options.expiresIn === true ? "seconds" : (options.expiresIn ?? "seconds"),
  refreshTokens: options.refreshTokens ?? false,
  rotation: options.rotation ?? true,
  reuseGrace: Duration.toMillis(options.reuseGrace ?? 0),
  reuseGives: options.reuseGives ?? "another",
  replicationDelay: Duration.toMillis(options.replicationDelay ?? 0),
  clockOffset: options.clockOffset ?? 0
})
