/** A program with the most used names. The marks « and » surround each name with a hover to check. */
export const program = `import * as ApiKey from "@countersign/auth/ApiKey"
import * as Basic from "@countersign/auth/Basic"
import * as Bearer from "@countersign/auth/Bearer"
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as CircuitBreaker from "@countersign/client/CircuitBreaker"
import * as Concurrency from "@countersign/client/Concurrency"
import * as CookieJar from "@countersign/client/CookieJar"
import type * as Errors from "@countersign/client/Errors"
import * as RateLimit from "@countersign/client/RateLimit"
import * as Retry from "@countersign/client/Retry"
import * as FileTokenStore from "@countersign/node/FileTokenStore"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as MockClient from "@countersign/testing/MockClient"
import type * as Redacted from "effect/Redacted"

declare const token: Redacted.Redacted<string>
declare const api: ApiClient.ApiClient
declare const failed: Errors.ClientError
declare const limited: Errors.RateLimited
declare const broken: Errors.TransportError
declare const rejected: Errors.Unauthorized
declare const late: Errors.Timeout
declare const invalid: Errors.InvalidRequest

class Api extends ApiClient.«Tag»("hovers/Api")<Api>() {}

export const layers = [
  Api.«layer»({
    «baseUrl»: "https://api.example.com",
    «auth»: Bearer.«layer»(token),
    «cookies»: CookieJar.«layerMemory»,
    «rateLimit»: RateLimit.«layerThrottle»(),
    «circuitBreaker»: CircuitBreaker.«layer»(),
    «concurrency»: Concurrency.«layer»({ limit: Concurrency.adaptive() }),
    «timeout»: { «call»: "1 minute", «exchange»: "10 seconds" },
    «retry»: { «schedule»: Retry.«exponential»({ «times»: 3 }), «statuses»: [503] },
    «redirects»: { «crossOrigin»: "reject" },
    «headers»: { accept: "application/json" },
    «maxBodySize»: 1000,
    «origins»: []
  }),
  Basic.«layerConfig»,
  ApiKey.«layer»,
  ApiKey.«header»,
  Auth.«none»,
  ClientCredentials.«layer»,
  ClientCredentials.«layerConfig»,
  TokenStore.«layerMemory»,
  FileTokenStore.«layer»,
  NodeTransport.«layer»,
  MockClient.«make»,
  MockClient.«respond»,
  ApiClient.«make»
]

export const calls = [
  api.«get»("/users/{id}", { «path»: { id: 1 }, «query»: { page: "2" } }),
  api.«post»("/users", { «json»: { name: "x" } }),
  api.«put»("/users", { «form»: { name: "x" } }),
  api.«patch»("/users", { «text»: "x" }),
  api.«delete»("/users", { «body»: new Uint8Array() }),
  api.«execute»,
  api.«with»({ «auth»: Auth.none }),
  api.«httpClient»
]

export const fields = [
  failed.«status», failed.«url», failed.«method», failed.«body», failed.«serverMessage»,
  limited.«retryAt», broken.«reason», broken.«sent», broken.«code», rejected.«challenges», late.«scope», late.«after»,
  invalid.«detail»
]
`
