/** Where a credential sits: in what the caller says of one request, in the client's defaults, in a scheme, in a jar. */
import * as ApiKey from "@countersign/auth/ApiKey"
import * as Basic from "@countersign/auth/Basic"
import * as Bearer from "@countersign/auth/Bearer"
import * as Signature from "@countersign/auth/Signature"
import * as Auth from "@countersign/client/Auth"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

/** What a place adds to a call and to its client. */
export interface Put {
  readonly auth?: Effect.Effect<Auth.Service>
  readonly callAuth?: Auth.Service
  readonly defaults?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly urlParams?: Readonly<Record<string, string>>
  /** What follows the path. */
  readonly query?: string
  readonly body?: string
  readonly cookie?: string
  readonly traceId?: string
}

/** A place. */
export interface CredentialLocation {
  readonly name: string
  readonly put: (secret: string) => Put
  /** It is in a body, so that the method has to have one. */
  readonly inBody?: true
  /** It is no secret, and may be shown: only where it is sent counts. */
  readonly shown?: true
  /** It was set by a server for its host, whatever the port: RFC 6265 §8.5. */
  readonly ofHost?: true
  /** The id of a trace stands here. */
  readonly trace?: true
  /** It is of one request: the next one, to whatever Location, has one of its own. */
  readonly once?: true
  /** Taken out of errors, too, where the server quotes it. */
  readonly quoted?: true
}

const header = (name: string, secret: string, before = ""): Readonly<Record<string, string>> => ({
  [name]: before + secret
})

const byHand = (name: string, before = ""): CredentialLocation => ({
  name: `${name} by hand`,
  put: (secret) => ({ headers: header(name, secret, before) })
})

const byDefault = (name: string, before = ""): CredentialLocation => ({
  name: `${name} by default`,
  put: (secret) => ({ defaults: header(name, secret, before) })
})

const scheme = (
  name: string,
  make: (secret: Redacted.Redacted<string>) => Effect.Effect<Auth.Service>
): CredentialLocation => ({
  name,
  put: (secret) => ({ auth: make(Redacted.make(secret)) }),
  quoted: true
})

const key = (name: string, location: ApiKey.Location): CredentialLocation =>
  scheme(name, (secret) => Effect.succeed(ApiKey.make({ location, key: secret })))

const traceparent = (traceId: string): string => `00-${traceId}-00f067aa0ba902b7-01`

const own = (secret: Redacted.Redacted<string>): Auth.Service =>
  Auth.makeStaticEffect((request) =>
    Effect.succeed(HttpClientRequest.setHeader(request, "zebra", Redacted.value(secret)))
  )

/** What names the secret is sent with each request; the secret itself never is. */
const signature = (secret: Redacted.Redacted<string>): Auth.Service =>
  Signature.make({ keyId: Redacted.value(secret), secret: Redacted.make("never sent") })

/** A pool whose second key is there for a first one that is refused. */
const pool = (secret: Redacted.Redacted<string>): Effect.Effect<Auth.Service> =>
  ApiKey.pool({ location: ApiKey.header("x-pool"), keys: [secret, Redacted.make(`next${Redacted.value(secret)}`)] })

/** All places. */
export const places: ReadonlyArray<CredentialLocation> = [
  { ...byHand("authorization", "Bearer "), quoted: true },
  { ...byHand("X-Api-Key"), quoted: true },
  byHand("X-Tenant"),
  byHand("proxy-authorization", "Basic "),
  byHand("referer", "https://inside.test/?t="),
  { ...byHand("cookie", "sid="), quoted: true },
  { name: "query", put: (secret) => ({ urlParams: { key: secret } }), once: true },
  { name: "query of the path", put: (secret) => ({ query: `key=${secret}` }), once: true },
  { name: "body", put: (secret) => ({ body: `grant=password&password=${secret}` }), inBody: true, once: true },
  byDefault("authorization", "token "),
  byDefault("x-vault-token"),
  byDefault("X-Zebra"),
  // They begin as fields do that may go anywhere.
  byHand("If-Api-Token"),
  byDefault("accept-key"),
  scheme("Bearer", (secret) => Effect.succeed(Bearer.make(secret))),
  scheme("Basic", (password) => Effect.succeed(Basic.make({ username: "ünser", password }))),
  { name: "Bearer of one call", put: (secret) => ({ callAuth: Bearer.make(Redacted.make(secret)) }), quoted: true },
  key("ApiKey header", ApiKey.header("x-functions-key")),
  key("ApiKey header with a prefix", ApiKey.header("authorization", "ApiKey ")),
  key("ApiKey query", ApiKey.query("api_key")),
  key("ApiKey cookie", ApiKey.cookie("session")),
  scheme("ApiKey pool", pool),
  scheme("Signature", (secret) => Effect.succeed(signature(secret))),
  scheme("scheme of one's own", (secret) => Effect.succeed(own(secret))),
  { name: "jar", put: (secret) => ({ cookie: `sid=${secret}` }), ofHost: true },
  { ...byHand("idempotency-key"), shown: true },
  { name: "traceparent", put: (traceId) => ({ traceId }), shown: true, trace: true },
  {
    name: "traceparent by hand",
    put: (traceId) => ({ headers: { traceparent: traceparent(traceId) } }),
    shown: true,
    trace: true
  }
]
