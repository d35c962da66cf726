/** The secrets of one request to an authorization server. Server text that repeats one is not shown. */
import * as Redact from "@countersign/protocol/Redact"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"

export interface SentSecrets {
  /** The server's text as one line of at most `limit` characters; undefined if it repeats a secret, or a part of one. */
  readonly redacted: (text: string, limit: number) => string | undefined
}

/** The parts of a request that hold secrets. */
interface Sent {
  readonly headers: Readonly<Record<string, string>>
  readonly body?: URLSearchParams | string | null | undefined
}

/** Parameters that hold a secret, also where the library or `ClientAuthentication` has added them. */
const parameters = [
  "actor_token",
  "assertion",
  "client_assertion",
  "client_secret",
  "code",
  "code_verifier",
  "device_code",
  "password",
  "refresh_token",
  "subject_token",
  "token"
]

/** Letter case is ignored: a server may change it before it repeats the secret. */
const folded = (text: string): string => text.toLowerCase()

/** Header values with their scheme removed, and what Basic credentials decode to. */
const ofHeaders = ({ authorization = "", dpop = "" }: Readonly<Record<string, string>>): ReadonlyArray<string> => {
  const [, credentials = ""] = authorization.split(" ", 2)
  const decoded = Either.getOrElse(Encoding.decodeBase64String(credentials), () => "")
  return [credentials, decoded.slice(decoded.indexOf(":") + 1), dpop]
}

const ofBody = (body: Sent["body"]): ReadonlyArray<string> => {
  if (body === undefined || body === null) return []
  const form = new URLSearchParams(body)
  return parameters.flatMap((name) => form.getAll(name))
}

/** Number of consecutive characters that identify a secret: half of them, at least 8 and at most 16. */
const windowOf = ({ length }: string): number => Math.min(length, 16, Math.max(8, Math.ceil(length / 2)))

/** A secret with fewer characters may be part of harmless words, so it matches whole words only. */
const minSecretLength = 4

const isWordBeside = (text: string, at: number): boolean => /[a-z0-9]/.test(text.charAt(at))

/** Whether a text contains a part that identifies the secret. Both are in lower case. */
const repeats = (text: string, secret: string): boolean => {
  const length = windowOf(secret)
  for (let start = 0; start + length <= text.length; start++) {
    if (!secret.includes(text.slice(start, start + length))) continue
    const isWord = !isWordBeside(text, start - 1) && !isWordBeside(text, start + length)
    if (secret.length >= minSecretLength || isWord) return true
  }
  return false
}

/** Decodes `%41` and `+`. An incomplete multi-byte character stays encoded. */
const decodedForm = (text: string): string =>
  text.replaceAll("+", " ").replaceAll(/(?:%[0-9a-f]{2})+/g, (encoded) => {
    try {
      return folded(decodeURIComponent(encoded))
    } catch {
      return encoded
    }
  })

/** Converts base64url to the base64 alphabet. */
const inBase64 = (text: string): string => text.replaceAll("-", "+").replaceAll("_", "/")

/**
 * The encodings of a secret inside of base64. They depend on the number of bytes before it, modulo three. The characters
 * at both ends are left out, because they also depend on the neighbours.
 */
const base64Of = (secret: string): ReadonlyArray<string> =>
  secret.length < 8
    ? []
    : [0, 2, 3].map((start, before) =>
        Encoding.encodeBase64(" ".repeat(before) + secret)
          .replace(/.?=*$/, "")
          .slice(start)
      )

/** Characters that are searched beyond the shown ones, so that a secret which starts in the shown ones is found. */
const lookahead = 64

const textsOf = (sent: Sent, further: ReadonlyArray<Redacted.Redacted<string>>): ReadonlyArray<string> => {
  const known = [...further.map(Redacted.value), ...ofHeaders(sent.headers), ...ofBody(sent.body)]
  const encoded = known.map((secret) => new URLSearchParams({ "": secret }).toString().slice(1))
  return [...new Set([...known, ...encoded, ...known.flatMap(base64Of)].filter((secret) => secret !== "").map(folded))]
}

/** The secrets of a request: in its headers, in its form, and in `further`. */
export const of = (sent: Sent, further: ReadonlyArray<Redacted.Redacted<string>>): SentSecrets => ({
  redacted: (text, limit) => {
    const read = folded(text.slice(0, limit + lookahead))
    const spellings = [read, decodedForm(read), read.replaceAll("\\", ""), inBase64(read)]
    return textsOf(sent, further).some((secret) => spellings.some((spelling) => repeats(spelling, secret)))
      ? undefined
      : Redact.text(text, limit)
  }
})
