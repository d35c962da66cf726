/** Removes the secrets of recorded exchanges. */
import * as Challenge from "@countersign/protocol/Challenge"
import * as Redact from "@countersign/protocol/Redact"
import * as Encoding from "effect/Encoding"
import * as Bodies from "./body.js"
import { isObject, sorted } from "./json.js"
import * as Markup from "./markup.js"
import * as Multipart from "./multipart.js"
import * as Named from "./namedValues.js"
import type { Body, Request, Response } from "./recording.js"
import { isField } from "./recording.js"
import type { SecretNames } from "./secretNames.js"

type Fields = Readonly<Record<string, string | ReadonlyArray<string>>>

/** A credential of a request is hidden where a text equals it. A shorter one may be any word. */
const shortestCredential = 4

/** Values and member names that are shorter may be ordinary words, such as `sort` in `key=sort`. */
const shortestUnusual = 16

/** How often a value may be encoded in another one: a URL in a parameter, or a multipart body in a part. */
const maxEncodings = 3

/** Fields of a response that describe the connection, its original length, or the time of the recording. */
const omitted: ReadonlySet<string> = new Set([
  "age",
  "connection",
  "content-encoding",
  "content-length",
  "date",
  "keep-alive",
  "transfer-encoding"
])

/** The placeholder as a URL or a form has it, when a client sends a replayed value. */
const encodedPlaceholder = /%3Credacted%3E/gi

const passwordsOf = (credentials: string): ReadonlyArray<string> => {
  const pair = /^basic\s/i.test(credentials) ? Encoding.decodeBase64String(credentials.slice(6).trim()) : undefined
  if (pair?._tag !== "Right") return []
  return [pair.right, pair.right.slice(pair.right.indexOf(":") + 1)]
}

const secretsOfField = (name: string, value: string): ReadonlyArray<string> => {
  if (/^set-cookie2?$/.test(name)) return [value.slice(value.indexOf("=") + 1).split(";", 1)[0] ?? ""]
  if (name === "cookie") return value.split(";").map((pair) => pair.slice(pair.indexOf("=") + 1).trim())
  const parameters = Challenge.parse(value).flatMap(({ params }) => Object.values(params))
  return [value, value.slice(value.search(/[ :=]/) + 1).trim(), ...parameters, ...passwordsOf(value)]
}

/** Collects the secrets that it hides, so that a later exchange cannot show a secret of an earlier one. */
export class Redaction {
  readonly #names: SecretNames
  readonly #secrets: Set<string>
  readonly #credentials = new Set<string>()
  #hideSecrets: ((text: string) => string) | undefined

  constructor(names: SecretNames, secrets: Iterable<string>) {
    this.#names = names
    this.#secrets = new Set(secrets)
  }

  /** Learns the secrets of a message. */
  learn(fields: Fields, url: string, body: Body | undefined): void {
    for (const [name, values] of Object.entries(fields)) {
      if (!Redact.isSensitiveHeader(name) || name === "link") continue
      for (const value of typeof values === "string" ? [values] : values)
        this.#addCredentials(secretsOfField(name, value))
    }
    this.#named(url)
    if (body !== undefined) this.#bodyByName(body, String(fields["content-type"] ?? ""))
  }

  /** A request as it is stored and compared. */
  request(method: string, url: string, body: Body | undefined, contentType: string): Request {
    const shown = this.#text((url.split("#", 1)[0] ?? "").replace(encodedPlaceholder, Redact.placeholder))
    return { method, url: shown, ...(body !== undefined && { body: this.#body(body, contentType) }) }
  }

  /** A response as it is stored. */
  response(status: number, fields: Fields, body: Body | undefined): Response {
    const headers = Object.entries(fields).flatMap(([name, values]) => {
      if (omitted.has(name) || (Redact.isSensitiveHeader(name) && name !== "link")) return []
      const list = typeof values === "string" ? [values] : values
      const shown = list.filter((value) => isField(name, value)).map((value) => this.#text(value))
      return shown.length === 0 ? [] : [[name, shown.length > 1 ? shown : (shown[0] ?? "")] as const]
    })
    const contentType = String(fields["content-type"] ?? "")
    return {
      status,
      headers: Object.fromEntries(headers),
      ...(body !== undefined && { body: this.#body(body, contentType) })
    }
  }

  #add(secret: string): void {
    if (secret === "" || secret === Redact.placeholder || this.#secrets.has(secret)) return
    this.#secrets.add(secret)
    this.#hideSecrets = undefined
  }

  #addCredentials(credentials: ReadonlyArray<string>): void {
    for (const credential of credentials) {
      this.#add(credential)
      if (credential.length >= shortestCredential) this.#credentials.add(credential)
    }
  }

  /** Hides the values that an earlier or a later message names as secrets. */
  #known(text: string): string {
    if (this.#credentials.has(text)) return Redact.placeholder
    return (this.#hideSecrets ??= Redact.withoutSecrets(this.#secrets))(text)
  }

  /** Hides a value by its name, and learns it. A name that is often public teaches only unusual values. */
  #hide(name: string, value: string): string {
    if (value === "") return value
    for (const secret of [value, Named.decoded(value)]) {
      if (this.#names.isMember(name) || secret.length >= shortestUnusual) this.#add(secret)
    }
    return Redact.placeholder
  }

  readonly #hideNamed = (name: string, value: string): string => this.#hide(name, value)

  /** Hides values by their names, in percent-encoded values to a limited depth. */
  #named(text: string, isParameter = this.#names.isParameter, depth = maxEncodings): string {
    const rules = { isMember: this.#names.isMember, isParameter, hide: this.#hideNamed }
    const nested = (plain: string): string => (depth === 0 ? plain : this.#named(plain, undefined, depth - 1))
    const members = Named.members(Markup.elements(text, rules), rules)
    return Named.passwords(Named.parameters(members, rules, nested), rules)
  }

  #text(text: string): string {
    return this.#known(this.#named(text))
  }

  #form(text: string): string {
    return this.#named(`?${text.replace(encodedPlaceholder, Redact.placeholder)}`, this.#names.isField).slice(1)
  }

  /** A body that is not parsed as JSON. */
  #content(text: string, contentType: string): string {
    if (/^application\/x-www-form-urlencoded/i.test(contentType)) return this.#form(text)
    const shown = this.#named(text)
    const hasLines = !/javascript|json|html|xml/i.test(contentType)
    return hasLines ? Named.lines(shown, { ...this.#names, hide: this.#hideNamed }) : shown
  }

  /** The parts of a multipart body, with one character for each byte. Parts with binary content stay as they are. */
  #parts(content: string, boundary: string, depth = maxEncodings): string {
    return Multipart.mapParts(content, boundary, (part) => {
      const text = Bodies.textOf(Bodies.fromLatin1(part.content))
      if (this.#names.isField(part.name)) {
        if (text === undefined) return Redact.placeholder
        return Bodies.toLatin1(new TextEncoder().encode(this.#hide(part.name, text)))
      }
      const inner = depth === 0 ? undefined : Multipart.boundaryOf(part.contentType, part.content)
      if (inner !== undefined) return this.#parts(part.content, inner, depth - 1)
      if (text === undefined) return part.content
      return Bodies.toLatin1(new TextEncoder().encode(this.#content(text, part.contentType)))
    })
  }

  #bodyByName(body: Body, contentType: string): Body {
    if ("json" in body) return { json: this.#json(body.json, false) }
    const boundary = Multipart.boundaryOf(
      contentType,
      "text" in body ? body.text : Bodies.toLatin1(Bodies.decode(body))
    )
    if (boundary !== undefined) return Bodies.mapBytes(body, (bytes) => this.#parts(bytes, boundary))
    if ("text" in body) return { text: this.#content(body.text, contentType) }
    return Bodies.mapCharacters(body, (text) => this.#content(text, contentType))
  }

  #body(body: Body, contentType: string): Body {
    const shown = this.#bodyByName(body, contentType)
    if ("json" in shown) return { json: sorted(this.#mapStrings(shown.json)) }
    if ("text" in shown) return { text: this.#known(shown.text) }
    return Bodies.mapCharacters(shown, (text) => this.#known(text))
  }

  /** Numbers and booleans stay, because a client expects their type. */
  #json(value: unknown, isSecret: boolean): unknown {
    if (typeof value === "string") {
      if (!isSecret) return this.#named(value)
      this.#add(value)
      return value === "" ? value : Redact.placeholder
    }
    if (Array.isArray(value)) return value.map((item) => this.#json(item, isSecret))
    if (!isObject(value)) return value
    const isPair = ["name", "Name", "key", "Key"].some((name) => this.#isSecretLabel(value[name]))
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => {
        const isValue = isPair && name.toLowerCase() === "value"
        return [name, this.#json(item, isSecret || isValue || this.#names.isMember(name))]
      })
    )
  }

  /** Whether `{ "name": label, "value": … }` is a pair with a secret value. */
  #isSecretLabel(label: unknown): boolean {
    return typeof label === "string" && this.#names.isMember(label)
  }

  #mapStrings(value: unknown): unknown {
    if (typeof value === "string") return this.#known(value)
    if (Array.isArray(value)) return value.map((item) => this.#mapStrings(item))
    if (!isObject(value)) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [
        name.length < shortestUnusual ? name : this.#known(name),
        this.#mapStrings(item)
      ])
    )
  }
}
