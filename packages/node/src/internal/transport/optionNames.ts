/** The names of the options of a transport. */
import * as Effect from "effect/Effect"
import type { TlsIdentity } from "../connection/tls.js"
import * as OptionNames from "../options/optionNames.js"
import type { OptionsWithProxy } from "./options.js"
import type { ProxySettings } from "./proxyOptions.js"

const tlsNames: OptionNames.ShapeOf<TlsIdentity> = {
  ca: true,
  origins: true,
  cert: true,
  key: "secret",
  passphrase: "secret",
  servername: true
}

const proxyNames: OptionNames.ShapeOf<ProxySettings> = { http: true, https: true, noProxy: true }

const names: OptionNames.ShapeOf<OptionsWithProxy> = {
  connections: "count",
  connectTimeout: "duration",
  headersTimeout: "duration",
  bodyTimeout: "duration",
  keepAliveTimeout: "duration",
  maxHeaderSize: "count",
  pipelining: "count",
  allowH2: true,
  expectContinue: "size",
  tls: tlsNames,
  socketPath: true,
  allowAddress: true,
  onConnect: true,
  proxy: proxyNames
}

/** Dies for an unknown name. */
export const checkNames = (options: object): Effect.Effect<void> =>
  Effect.sync(() => void OptionNames.known("`NodeTransport`", options, names))
