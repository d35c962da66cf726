import * as ConfigOptions from "@countersign/client/ConfigOptions"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { ProxySettings, ProxyUrl } from "../transport/proxyOptions.js"
import { parseNoProxy } from "./noProxy.js"
import type { Proxies } from "./proxyEnv.js"
import type { Proxy } from "./proxyUrl.js"
import { parseProxyUrl } from "./proxyUrl.js"

const textOf = (url: ProxyUrl): string => String(Redacted.isRedacted(url) ? Redacted.value(url) : url)

/** Parses one proxy URL. Fails with the path of the option, such as `proxy.https`. */
const parseOption = (
  path: ReadonlyArray<string>,
  url: ProxyUrl | undefined
): Effect.Effect<Proxy | undefined, ConfigError.ConfigError> =>
  url === undefined
    ? Effect.succeed(undefined)
    : Effect.mapError(parseProxyUrl(textOf(url), `the option ${path.join(".")}`), (problem) =>
        ConfigOptions.invalid(path, problem)
      )

const isUrl = (proxy: ProxyUrl | ProxySettings): proxy is ProxyUrl =>
  typeof proxy === "string" || proxy instanceof URL || Redacted.isRedacted(proxy)

/** Parses the option `proxy`. */
export const parseProxyOption = (proxy: ProxyUrl | ProxySettings): Effect.Effect<Proxies, ConfigError.ConfigError> =>
  Effect.gen(function* () {
    if (isUrl(proxy)) {
      const both = yield* parseOption(["proxy"], proxy)
      return { http: both, https: both, isBypassed: () => false }
    }
    return {
      http: yield* parseOption(["proxy", "http"], proxy.http),
      https: yield* parseOption(["proxy", "https"], proxy.https),
      isBypassed: yield* Effect.mapError(parseNoProxy((proxy.noProxy ?? []).join(",")), (problem) =>
        ConfigOptions.invalid(["proxy", "noProxy"], problem)
      )
    }
  })
