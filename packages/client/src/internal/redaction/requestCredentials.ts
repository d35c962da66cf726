/**
 * Finds the credentials of a request, so that they can be redacted where a server quotes them. Well-known credential
 * headers are recognized by name, all others by comparison with the unsigned request.
 */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as Challenge from "@countersign/protocol/Challenge"
import * as Redact from "@countersign/protocol/Redact"
import * as Redirect from "@countersign/protocol/Redirect"

/** A request before and after it was signed. Both are the same if no scheme signed it. */
export interface Signing {
  readonly unsigned: HttpClientRequest
  readonly signed: HttpClientRequest
}

/** Parameters of credentials that repeat the server's challenge, or identify without proving anything. */
const publicParameters: ReadonlySet<string> = new Set([
  "algorithm",
  "nonce",
  "opaque",
  "qop",
  "realm",
  "uri",
  "username"
])

/** The password of Basic credentials. A server may quote the decoded password. */
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

/** The value of a header, the value without scheme or prefix, and the values of its parameters. */
const secretPartsOf = (name: string, value: string): ReadonlyArray<string> => {
  if (name === "cookie") return [value, ...cookieValues(value)]
  const afterScheme = value.slice(value.search(/[ :=]/) + 1).trim()
  const parameters = Challenge.parse(value).flatMap(({ params }) =>
    Object.entries(params).flatMap(([key, parameter]) => (publicParameters.has(key) ? [] : [parameter]))
  )
  const basic = value.slice(0, 6).toLowerCase() === "basic " ? [passwordOf(afterScheme)] : []
  return [value, afterScheme, ...parameters, ...basic]
}

/** Headers that the pipeline adds after signing, and that contain no credential. */
const nonSecretHeaders: ReadonlySet<string> = new Set(["traceparent", "tracestate"])

const headerSecretsOf = ({ signed, unsigned }: Signing): ReadonlyArray<string> =>
  Object.entries(signed.headers).flatMap(([name, value]) => {
    const added =
      unsigned.headers[name] !== value && !Redirect.isSafeCrossOriginHeader(name) && !nonSecretHeaders.has(name)
    // A credential that the caller added is recognized only by the name of its header.
    return added || Redact.isSensitiveHeader(name) ? secretPartsOf(name, value) : []
  })

const queryOf = (url: string): ReadonlyArray<readonly [string, string]> => {
  const from = url.indexOf("?")
  return from === -1 ? [] : [...new URLSearchParams(url.slice(from + 1).split("#", 1)[0])]
}

/** Names of parameters with secrets, such as `api_key` and `accessToken`. `author` and `keywords` are none. */
const sensitiveParameter = /(?:token|secret|password|passwd|pwd|apikey|(?:^|[_.-])key|sig|signature|jwt|credentials?)$/i

const parametersOf = ({ url, urlParams }: HttpClientRequest): ReadonlyArray<readonly [string, string]> => [
  ...urlParams,
  ...queryOf(url)
]

/** A parameter, whatever its encoding. */
const pairOf = ([name, value]: readonly [string, string]): string => `${name}=${value}`

/** The query values that signing added, or with the name of a secret, as they are and URL-encoded. */
const querySecretsOf = ({ signed, unsigned }: Signing): ReadonlyArray<string> => {
  const before = new Set(parametersOf(unsigned).map(pairOf))
  return parametersOf(signed).flatMap(([name, value]) =>
    before.has(pairOf([name, value])) && !sensitiveParameter.test(name)
      ? []
      : [value, String(new URLSearchParams([["", value]])).slice(1)]
  )
}

const addedTo = ({ signed, unsigned }: Signing): ReadonlyArray<string> => {
  const before = new Set(parametersOf(unsigned).map(pairOf))
  return parametersOf(signed)
    .map(pairOf)
    .filter((pair) => !before.has(pair))
}

/** How many URLs are searched inside of each other: the address of a sign-in has that of the request. */
const maxUrls = 4

/** Whether one of the pairs is in the query of a URL, or of a URL in that query. */
const hasPair = (url: string, pairs: ReadonlySet<string>, urls: number): boolean =>
  urls > 0 && queryOf(url).some((one) => pairs.has(pairOf(one)) || hasPair(one[1], pairs, urls - 1))

/** Removes the parameters of a query that signing added to earlier requests. The rest stays byte for byte. */
export const withoutAddedParameters = (url: string, signings: ReadonlyArray<Signing>): string => {
  const added = new Set(signings.flatMap(addedTo))
  return added.size === 0
    ? url
    : url.replace(/\?([^#]*)/, (_, pairs: string) => {
        const kept = pairs.split("&").filter((pair) => !hasPair(`?${pair}`, added, maxUrls))
        return kept.length === 0 ? "" : `?${kept.join("&")}`
      })
}

/** Makes a function that redacts the credentials of some requests in a text. */
export const makeRedactor = (signings: ReadonlyArray<Signing>): ((text: string, limit?: number) => string) =>
  Redact.withoutSecrets(signings.flatMap((signing) => [...headerSecretsOf(signing), ...querySecretsOf(signing)]))
