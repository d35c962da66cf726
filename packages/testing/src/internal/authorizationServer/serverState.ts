import type * as Effect from "effect/Effect"
import type { Profile } from "../profiles/profile.js"
import * as Secret from "../randomSecret.js"
import * as Client from "./clients/client.js"
import type { Authorization, Code, Pushed } from "./consent/authorization.js"
import type * as Fault from "./faults/fault.js"
import type { Device } from "./grants/device.js"
import type { Options } from "./options.js"
import * as Settings from "./settings.js"
import type * as Calls from "./tokenCallLog.js"
import * as Jwt from "./tokens/jwt.js"
import * as Tokens from "./tokens/tokens.js"

/** One running server. */
export interface Server {
  readonly issuer: string
  /** The provider that is imitated. */
  readonly profile: Profile | undefined
  readonly settings: Settings.Settings
  /** By their names; those that registered themselves, too. */
  readonly clients: Map<string, Client.Client>
  readonly tokens: Tokens.Tokens
  /** What is answered in its place, counted from the call with this index on. */
  faults: { readonly from: number; readonly script: Fault.Script }
  /** The calls of the token endpoint, faulty ones included. */
  readonly calls: Array<Calls.Entry>
  /** Ends when the server does. */
  readonly closing: Effect.Effect<void>
  signer: Jwt.Signer
  /** The authorization requests that a user has to decide on, by the id of their page. */
  readonly asked: Map<string, Authorization>
  readonly codes: Map<string, Code>
  readonly pushed: Map<string, Pushed>
  /** By their device codes. */
  readonly devices: Map<string, Device>
  /** The JWTs that were taken already, by who made them and `jti`. */
  readonly seen: Set<string>
  /** The nonces of DPoP, by the number of the period that they are given out in. */
  readonly nonces: Map<number, string>
}

/** A server that nobody has called yet. */
export const make = (options: Options, issuer: string, closing: Effect.Effect<void>): Server => {
  const declared = Object.entries(options.clients ?? { client: "secret" })
  return {
    issuer,
    profile: options.profile,
    settings: Settings.of(options),
    clients: new Map(declared.map(([id, client]) => [id, Client.of(id, client)])),
    tokens: Tokens.make(),
    faults: { from: 0, script: options.faults ?? [] },
    calls: [],
    closing,
    signer: Jwt.signer(Secret.random().slice(0, 8)),
    asked: new Map(),
    codes: new Map(),
    pushed: new Map(),
    devices: new Map(),
    seen: new Set(),
    nonces: new Map()
  }
}

/** What this server's own clock says: the time of JWTs that it makes and judges, in epoch milliseconds. */
export const clockOf = ({ settings }: Server, now: number): number => now + settings.clockOffset

/** Whether it is the first time that this comes. */
export const isFirst = ({ seen }: Server, ...names: ReadonlyArray<string>): boolean => {
  const key = JSON.stringify(names)
  if (seen.has(key)) return false
  seen.add(key)
  return true
}
