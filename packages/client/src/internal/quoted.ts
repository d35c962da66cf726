/**
 * What a server says about a refused request may quote the credential that it was sent. Which texts those are is told by
 * the names of fields that carry credentials, and, for all other fields, only by who signed: that is kept beside the
 * answer, never in it. They are taken out of what its errors show.
 */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Challenge from "@countersign/protocol/Challenge"
import * as Redact from "@countersign/protocol/Redact"
import * as Redirect from "@countersign/protocol/Redirect"
import { sentFor } from "./response.js"

interface Signing {
  readonly unsigned: HttpClientRequest
  readonly signed: HttpClientRequest
}

const signings: WeakMap<object, Signing> = new WeakMap()

/** Notes what was signed for an answer that will be an error. */
export const remember = (response: HttpClientResponse, unsigned: HttpClientRequest, signed: HttpClientRequest): void =>
  void signings.set(response, { unsigned, signed })

/** Gives an answer what is known of the one that it was read from. */
export const inherit = <R extends HttpClientResponse>(from: HttpClientResponse, to: R): R => {
  const signing = signings.get(from)
  if (signing !== undefined) signings.set(to, signing)
  return to
}

/** What is shorter is more often a word of the server's than a secret, and no secret to rely on. */
const shortest = 8

/** Parameters of credentials that repeat what the server said, or say who and how, but do not prove it. */
const telling: ReadonlySet<string> = new Set(["algorithm", "nonce", "opaque", "qop", "realm", "uri", "username"])

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
const partsOf = (name: string, value: string): ReadonlyArray<string> => {
  if (name === "cookie") return [value, ...cookieValues(value)]
  const afterScheme = value.slice(value.search(/[ :=]/) + 1).trim()
  const parameters = Challenge.parse(value).flatMap(({ params }) =>
    Object.entries(params).flatMap(([key, parameter]) => (telling.has(key) ? [] : [parameter]))
  )
  const basic = value.slice(0, 6).toLowerCase() === "basic " ? [passwordOf(afterScheme)] : []
  return [value, afterScheme, ...parameters, ...basic]
}

const fieldsOf = ({ signed, unsigned }: Signing): ReadonlyArray<string> =>
  Object.entries(signed.headers).flatMap(([name, value]) => {
    const added = unsigned.headers[name] !== value && !Redirect.isHarmless(name)
    // A credential that the caller set by hand is known by the name of its field only.
    return added || Redact.isSensitiveHeader(name) ? partsOf(name, value) : []
  })

const queryOf = (url: string): ReadonlyArray<readonly [string, string]> => {
  const from = url.indexOf("?")
  return from === -1 ? [] : [...new URLSearchParams(url.slice(from + 1).split("#", 1)[0])]
}

/** The values of the query that signing has added, as they are and as they travel. */
const parametersOf = ({ signed, unsigned }: Signing): ReadonlyArray<string> => {
  const before = new Set([...unsigned.urlParams, ...queryOf(unsigned.url)].map(([name, value]) => `${name}=${value}`))
  return [...signed.urlParams, ...queryOf(signed.url)].flatMap(([name, value]) =>
    before.has(`${name}=${value}`) ? [] : [value, String(new URLSearchParams([["", value]])).slice(1)]
  )
}

/** Where no scheme has signed, and where a jar has added to what one did, names are all that there is to go by. */
const signingsOf = (response: HttpClientResponse): ReadonlyArray<Signing> => {
  const sent = sentFor(response)
  const signing = signings.get(response)
  return [{ unsigned: sent, signed: sent }, ...(signing === undefined ? [] : [signing])]
}

const secretsOf = (response: HttpClientResponse): ReadonlyArray<string> =>
  [...new Set(signingsOf(response).flatMap((signing) => [...fieldsOf(signing), ...parametersOf(signing)]))]
    .filter((secret) => secret.length >= shortest)
    // The longest first: what is left of one that holds another would still tell of it.
    .sort((one, other) => other.length - one.length)

/** In any letter case: names and schemes of challenges come in lower case. */
const without = (text: string, secret: string): string => {
  const lower = text.toLowerCase()
  const sought = secret.toLowerCase()
  // Some letters get longer in lower case, and then places in the one are none in the other.
  if (lower.length !== text.length) return text.replaceAll(secret, Redact.placeholder)
  let shown = ""
  let from = 0
  for (let at = lower.indexOf(sought); at !== -1; at = lower.indexOf(sought, from)) {
    shown += text.slice(from, at) + Redact.placeholder
    from = at + sought.length
  }
  return shown + text.slice(from)
}

/** Takes the credentials that an answer's request was sent with out of a text of its server. */
export const hiding = (response: HttpClientResponse): ((text: string) => string) => {
  let secrets: ReadonlyArray<string> | undefined
  return (text) => {
    // Most errors have no text of their server's.
    secrets ??= secretsOf(response)
    return secrets.reduce(without, text)
  }
}
