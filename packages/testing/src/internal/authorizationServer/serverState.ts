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

/** State of one server. */
export interface Server {
  readonly issuer: string
  /** The imitated provider. */
  readonly profile: Profile | undefined
  readonly settings: Settings.Settings
  /** Clients by `client_id`, registered ones included. */
  readonly clients: Map<string, Client.Client>
  readonly tokens: Tokens.Tokens
  /** Faults, from the call with the index `from` on. */
  faults: { readonly from: number; readonly script: Fault.Script }
  /** Calls of the token endpoint, including those with a fault. */
  readonly calls: Array<Calls.Entry>
  /** Completes when the server stops. */
  readonly closing: Effect.Effect<void>
  signer: Jwt.Signer
  /** Pending authorization requests, by the id of their consent page. */
  readonly asked: Map<string, Authorization>
  readonly codes: Map<string, Code>
  readonly pushed: Map<string, Pushed>
  /** Device authorizations by device code. */
  readonly devices: Map<string, Device>
  /** Used JWTs, by issuer and `jti`. */
  readonly seen: Set<string>
  /** DPoP nonces by the number of the period in which they are sent. */
  readonly nonces: Map<number, string>
}

/** Makes the state of a new server. */
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

/** The server's clock in epoch milliseconds, which determines the times in JWTs. */
export const clockOf = ({ settings }: Server, now: number): number => now + settings.clockOffset

/** Whether this combination of names occurs for the first time. */
export const isFirst = ({ seen }: Server, ...names: ReadonlyArray<string>): boolean => {
  const key = JSON.stringify(names)
  if (seen.has(key)) return false
  seen.add(key)
  return true
}
