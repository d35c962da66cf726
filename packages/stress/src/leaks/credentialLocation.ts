/** Locations of a credential: options of the call, defaults of the client, an auth scheme, or the cookie jar. */
import * as ApiKey from "@countersign/auth/ApiKey"
import * as Basic from "@countersign/auth/Basic"
import * as Bearer from "@countersign/auth/Bearer"
import * as Signature from "@countersign/auth/Signature"
import * as Auth from "@countersign/client/Auth"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

/** What a location adds to a call and to its client. */
export interface Put {
  readonly auth?: Effect.Effect<Auth.Service>
  readonly callAuth?: Auth.Service
  readonly defaults?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly urlParams?: Readonly<Record<string, string>>
  /** Appended to the path. */
  readonly query?: string
  readonly body?: string
  readonly cookie?: string
  readonly traceId?: string
}

/** A location of a credential. */
export interface CredentialLocation {
  readonly name: string
  readonly put: (secret: string) => Put
  /** It is in the body, so the method must allow a body. */
  readonly inBody?: true
  /** It is not secret and may be printed. Only the receivers are tested. */
  readonly shown?: true
  /** A server set it for its host, whatever the port: RFC 6265 §8.5. */
  readonly ofHost?: true
  /** The location of a trace id. */
  readonly trace?: true
  /** It applies to one request. The next request, to a Location, has its own. */
  readonly once?: true
  /** It is removed from errors too, if the server quotes it. */
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

/** A signature with the secret as `keyId`. Only the `keyId` is sent, never the key. */
const signature = (secret: Redacted.Redacted<string>): Auth.Service =>
  Signature.make({ keyId: Redacted.value(secret), secret: Redacted.make("never sent") })

/** A pool of two keys. The second is used after the first was rejected. */
const pool = (secret: Redacted.Redacted<string>): Effect.Effect<Auth.Service> =>
  ApiKey.pool({ location: ApiKey.header("x-pool"), keys: [secret, Redacted.make(`next${Redacted.value(secret)}`)] })

/** All locations. */
export const locations: ReadonlyArray<CredentialLocation> = [
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
  // The names begin like those of harmless fields.
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
  scheme("custom scheme", (secret) => Effect.succeed(own(secret))),
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
