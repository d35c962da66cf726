import * as Duration from "effect/Duration"
import type { Profile, ProviderSettings } from "../profiles/profile.js"
import type { Options } from "./options.js"

/** Resolved options. Durations are in milliseconds. */
export interface Settings {
  readonly scopes: ReadonlyArray<string> | undefined
  readonly resources: ReadonlyArray<string> | undefined
  readonly accessTokenLifetime: number
  readonly expiresIn: "seconds" | "exact" | false
  readonly refreshTokens: boolean
  readonly rotation: boolean
  readonly reuseGrace: number
  readonly reuseResponse: "another" | "same"
  readonly replicationDelay: number
  readonly clockOffset: number
  readonly consent: "approve" | "deny" | "manual"
  readonly subject: string
  readonly pkce: "required" | "optional"
  readonly pushedRequests: "required" | "optional"
  readonly codeLifetime: number
  readonly device: { readonly interval: number; readonly lifetime: number }
  readonly dpop: {
    readonly required: boolean
    readonly nonce: boolean
    readonly nonceLifetime: number
    readonly downgrade: boolean
  }
  readonly initialAccessToken: string | undefined
  readonly overrides: {
    readonly metadata: Readonly<Record<string, unknown>>
    readonly redirect: Readonly<Record<string, string | undefined>>
    readonly idToken: Readonly<Record<string, unknown>>
  }
}

const refreshing = (options: Options) => ({
  refreshTokens: options.refreshTokens ?? false,
  rotation: options.rotation ?? true,
  reuseGrace: Duration.toMillis(options.reuseGrace ?? 0),
  reuseResponse: options.reuseResponse ?? "another"
})

const authorizing = ({ codeLifetime, device, pkce, pushedRequests, subject, consent }: Options) => ({
  consent: consent ?? "approve",
  subject: subject ?? "user",
  pkce: pkce ?? "required",
  pushedRequests: pushedRequests ?? "optional",
  codeLifetime: Duration.toMillis(codeLifetime ?? "10 minutes"),
  device: {
    interval: Duration.toMillis(device?.interval ?? "5 seconds"),
    lifetime: Duration.toMillis(device?.lifetime ?? "10 minutes")
  }
})

const proving = ({ dpop }: Options) => ({
  required: dpop?.required ?? false,
  nonce: dpop?.nonce ?? false,
  nonceLifetime: Duration.toMillis(dpop?.nonceLifetime ?? "1 minute"),
  downgrade: dpop?.downgrade ?? false
})

/** Settings of an imitated provider. */
const settingsOf = (profile: Profile): ProviderSettings =>
  // Each value has this type, and all members are optional.
  Object.assign({}, ...profile.deviations.map(({ settings }) => settings)) as ProviderSettings

/** Options, with the settings of the profile as defaults. */
const withProfile = (options: Options): Options => {
  const { profile } = options
  if (profile === undefined) return options
  const { metadata, redirect, ...settings } = settingsOf(profile)
  const { overrides } = options
  return {
    rotation: profile.refresh === "rotates",
    pkce: "optional",
    ...settings,
    ...options,
    overrides: {
      ...overrides,
      metadata: { ...metadata, ...overrides?.metadata },
      redirect: { ...redirect, ...overrides?.redirect }
    }
  }
}

export const of = (given: Options): Settings => resolved(withProfile(given))

const resolved = (options: Options): Settings => ({
  scopes: options.scopes,
  resources: options.resources,
  accessTokenLifetime: Duration.toMillis(options.accessTokenLifetime ?? "1 hour"),
  expiresIn: options.expiresIn === true ? "seconds" : (options.expiresIn ?? "seconds"),
  ...refreshing(options),
  replicationDelay: Duration.toMillis(options.replicationDelay ?? 0),
  clockOffset: options.clockOffset ?? 0,
  ...authorizing(options),
  dpop: proving(options),
  initialAccessToken: options.initialAccessToken,
  overrides: {
    metadata: options.overrides?.metadata ?? {},
    redirect: options.overrides?.redirect ?? {},
    idToken: options.overrides?.idToken ?? {}
  }
})
