/**
 * The credentials of a request: the texts that a server may quote, and that nothing may show. Fields that carry credentials
 * are known by their names; all others only by comparison with the request before it was signed.
 */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as Challenge from "@countersign/protocol/Challenge"
import * as Redact from "@countersign/protocol/Redact"
import * as Redirect from "@countersign/protocol/Redirect"

/** A request before and after its credentials were added; the same one twice, where no scheme has signed it. */
export interface Signing {
  readonly unsigned: HttpClientRequest
  readonly signed: HttpClientRequest
}

/** Parameters of credentials that repeat what the server said, or say who and how, but do not prove it. */
const publicParameters: ReadonlySet<string> = new Set([
  "algorithm",
  "nonce",
  "opaque",
  "qop",
  "realm",
  "uri",
  "username"
])

/** The password of Basic credentials: a server that refuses it may quote it as it reads it. */
const passwordOf = (token68: string): string => {
  try {
    const bytes = Uint8Array.from(atob(token68), (character) => character.charCodeAt(0))
    const pair = new TextDecoder().decode(bytes)
    return pair.slice(pair.indexOf(":") + 1)
  } catch {
    return ""
  }
}

const cookieValues = (field: string): ReadonlyArray<string> =>
  field.split(";").map((pair) => pair.slice(pair.indexOf("=") + 1).trim())

/** A field's value, what follows its scheme or prefix, and the values of its parameters. */
const secretPartsOf = (name: string, value: string): ReadonlyArray<string> => {
  if (name === "cookie") return [value, ...cookieValues(value)]
  const afterScheme = value.slice(value.search(/[ :=]/) + 1).trim()
  const parameters = Challenge.parse(value).flatMap(({ params }) =>
    Object.entries(params).flatMap(([key, parameter]) => (publicParameters.has(key) ? [] : [parameter]))
  )
  const basic = value.slice(0, 6).toLowerCase() === "basic " ? [passwordOf(afterScheme)] : []
  return [value, afterScheme, ...parameters, ...basic]
}

/** Fields that the pipeline adds after signing, and that hold no credential. */
const nonSecretHeaders: ReadonlySet<string> = new Set(["traceparent", "tracestate"])

const headerSecretsOf = ({ signed, unsigned }: Signing): ReadonlyArray<string> =>
  Object.entries(signed.headers).flatMap(([name, value]) => {
    const added =
      unsigned.headers[name] !== value && !Redirect.isSafeCrossOriginHeader(name) && !nonSecretHeaders.has(name)
    // A credential that the caller set by hand is known by the name of its field only.
    return added || Redact.isSensitiveHeader(name) ? secretPartsOf(name, value) : []
  })

const queryOf = (url: string): ReadonlyArray<readonly [string, string]> => {
  const from = url.indexOf("?")
  return from === -1 ? [] : [...new URLSearchParams(url.slice(from + 1).split("#", 1)[0])]
}

/** The values of the query that signing has added, as they are and as a form writes them. */
const querySecretsOf = ({ signed, unsigned }: Signing): ReadonlyArray<string> => {
  const before = new Set([...unsigned.urlParams, ...queryOf(unsigned.url)].map(([name, value]) => `${name}=${value}`))
  return [...signed.urlParams, ...queryOf(signed.url)].flatMap(([name, value]) =>
    before.has(`${name}=${value}`) ? [] : [value, String(new URLSearchParams([["", value]])).slice(1)]
  )
}

/** Makes the function that replaces the credentials of some requests in a text. */
export const makeRedactor = (signings: ReadonlyArray<Signing>): ((text: string, limit?: number) => string) =>
  Redact.withoutSecrets(signings.flatMap((signing) => [...headerSecretsOf(signing), ...querySecretsOf(signing)]))
