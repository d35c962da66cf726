/** Responses full of text that a server chose, which may make a parser, redaction or the cookie jar slow. */
import { flood, units } from "../parsers/mutations.js"

/** Longest text in the header fields and in the body, in bytes. All fields together stay below 16 KiB. */
const [inFields, inBody] = [14 * 1024, 64 * 1024]

/** As many lines of a field as fit. */
const lines = (name: string, value: string): ReadonlyArray<string> => {
  const line = `${name}: ${value}`
  return new Array<string>(Math.floor(inFields / (line.length + 2))).fill(line)
}

/** A response: its status line, its fields and its body. */
interface Response {
  readonly status: string
  readonly fields: ReadonlyArray<string>
  readonly body?: string
}

const inField =
  (status: string, name: string, before = "") =>
  (unit: string): Response => ({ status, fields: [`${name}: ${before}${flood(unit, inFields)}`] })

const withBody =
  (status: string, type: string, body: (text: string) => string) =>
  (unit: string): Response => ({ status, fields: [`content-type: ${type}`], body: body(flood(unit, inBody)) })

const problem = "application/problem+json"

/** The part of a response that contains the text. */
const locations: Readonly<Record<string, (unit: string) => Response>> = {
  challenge: inField("401 No", "www-authenticate"),
  "challenge-parameter": inField("401 No", "www-authenticate", "Bearer error_description="),
  location: inField("302 Found", "location", "/"),
  "location-other-origin": inField("302 Found", "location", "http://other.test/?q="),
  "retry-after": inField("503 Busy", "retry-after"),
  "rate-limit": inField("429 Slow", "ratelimit", '"a";'),
  "rate-limit-policy": inField("429 Slow", "ratelimit-policy"),
  "rate-limit-reset": inField("403 No", "x-ratelimit-reset"),
  date: inField("503 Busy", "date"),
  "content-type": inField("200 OK", "content-type"),
  "content-encoding": inField("200 OK", "content-encoding"),
  vary: inField("200 OK", "vary"),
  cookie: inField("200 OK", "set-cookie"),
  "cookie-attribute": inField("200 OK", "set-cookie", "a=1; Path=/"),
  "cookies-small": (unit) => ({ status: "200 OK", fields: lines("set-cookie", `a=${unit}`) }),
  "cookies-of-parents": (unit) => ({ status: "200 OK", fields: lines("set-cookie", `a=${unit}; Domain=evil.test`) }),
  detail: withBody("400 No", problem, (detail) => JSON.stringify({ type: "about:blank", detail })),
  title: withBody("503 Busy", problem, (title) => JSON.stringify({ title, instance: title })),
  json: withBody("200 OK", "application/json", (value) => JSON.stringify({ value })),
  "json-key": withBody("200 OK", "application/json", (key) => JSON.stringify({ [key]: 1 })),
  "json-list": withBody("200 OK", "application/json", (text) => JSON.stringify([...text.slice(0, 8192)])),
  text: withBody("500 No", "text/html", (text) => text)
}

const isPrintable = (unit: string): boolean => /^[\t -~]+$/.test(unit)

/** Start of every credential of the client under test. The rest consists of `a`. */
export const credentialStart = "ab"

/** Texts that are inserted: delimiters of parsers, and parts of the credential. */
const texts = [...units.filter(isPrintable), credentialStart, `${credentialStart}${"a".repeat(2000)}`, "a".repeat(4000)]

const toBytes = ({ body = "", fields, status }: Response): string =>
  [`HTTP/1.1 ${status}`, ...fields, `content-length: ${Buffer.byteLength(body)}`, "", body].join("\r\n")

/** Complete responses by path. */
export const chosenTexts: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(locations).flatMap(([location, of]) =>
    texts.map((unit, number) => [`text/${location}/${number}`, toBytes(of(unit))])
  )
)

/** Description of the text at a path. */
export const textOf = (path: string): string => {
  const [, location = "", number = ""] = path.split("/")
  return `${location} of ${JSON.stringify(texts[Number(number)]?.slice(0, 12))}`
}
