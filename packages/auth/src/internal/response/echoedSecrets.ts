/** The secrets of one request to an authorization server. Text of the server that repeats one is not shown. */
import * as Redact from "@countersign/protocol/Redact"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"

export interface SentSecrets {
  /** The server's text as one line of at most `limit` characters; undefined if it repeats a secret, or a part of one. */
  readonly shown: (text: string, limit: number) => string | undefined
}

/** What of a request is needed here. */
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

/** Letter case is ignored: a server may fold it before it quotes. */
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

/** How many characters of a secret identify it: half of them, at least 8 and at most 16. */
const windowOf = ({ length }: string): number => Math.min(length, 16, Math.max(8, Math.ceil(length / 2)))

/** A secret of so few characters is part of harmless words, and is looked for as a word. */
const shortest = 4

const isWordBeside = (text: string, at: number): boolean => /[a-z0-9]/.test(text.charAt(at))

/** Whether a text holds a part of the secret that identifies it. Both are folded. */
const repeats = (text: string, secret: string): boolean => {
  const length = windowOf(secret)
  for (let start = 0; start + length <= text.length; start++) {
    if (!secret.includes(text.slice(start, start + length))) continue
    const isWord = !isWordBeside(text, start - 1) && !isWordBeside(text, start + length)
    if (secret.length >= shortest || isWord) return true
  }
  return false
}

/** `%41` and `+` as the characters that they stand for; a multi-byte character that is broken stays as it is. */
const decodedForm = (text: string): string =>
  text.replaceAll("+", " ").replaceAll(/(?:%[0-9a-f]{2})+/g, (encoded) => {
    try {
      return folded(decodeURIComponent(encoded))
    } catch {
      return encoded
    }
  })

/** In the alphabet of base64, where a text may be in the one for URLs. */
const inBase64 = (text: string): string => text.replaceAll("-", "+").replaceAll("_", "/")

/** A secret in the middle of base64: what encodes it depends on how many bytes are before it, and its ends on what is beside it. */
const base64Of = (secret: string): ReadonlyArray<string> =>
  secret.length < 8
    ? []
    : [0, 2, 3].map((start, before) =>
        Encoding.encodeBase64(" ".repeat(before) + secret)
          .replace(/.?=*$/, "")
          .slice(start)
      )

/** What is looked at beyond the shown characters, so that a secret which begins in them is found. */
const lookahead = 64

const textsOf = (sent: Sent, further: ReadonlyArray<Redacted.Redacted<string>>): ReadonlyArray<string> => {
  const known = [...further.map(Redacted.value), ...ofHeaders(sent.headers), ...ofBody(sent.body)]
  const encoded = known.map((secret) => new URLSearchParams({ "": secret }).toString().slice(1))
  return [...new Set([...known, ...encoded, ...known.flatMap(base64Of)].filter((secret) => secret !== "").map(folded))]
}

/** The secrets of a request: those of its headers and its form, and `further`. */
export const of = (sent: Sent, further: ReadonlyArray<Redacted.Redacted<string>>): SentSecrets => ({
  shown: (text, limit) => {
    const read = folded(text.slice(0, limit + lookahead))
    const spellings = [read, decodedForm(read), read.replaceAll("\\", ""), inBase64(read)]
    return textsOf(sent, further).some((secret) => spellings.some((spelling) => repeats(spelling, secret)))
      ? undefined
      : Redact.text(text, limit)
  }
})
