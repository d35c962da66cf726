/**
 * What to do with a 3xx answer: the decision alone, without sending anything.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-15.4
 * @since 0.1.0
 */
import { isControl, trimBlanks } from "./internal/Char.js"
import { single } from "./internal/Singleton.js"
import * as Url from "./internal/Url.js"

/**
 * The exchange that was answered, and the rules of the one who asks.
 *
 * @since 0.1.0
 * @category models
 */
export interface RedirectInput {
  /** Method of the request that was answered, e.g. `POST`. */
  readonly method: string
  /** Absolute URL of that request; its fragment is inherited, its userinfo is not. */
  readonly url: string
  /** Status code of the answer. */
  readonly status: number
  /** Value of the Location field, if there was one; or the values of all of them. See {@link references}. */
  readonly location: string | ReadonlyArray<string> | undefined
  /** Redirects already followed in this call. */
  readonly hops: number
  /** Redirects that may be followed in this call: with 5, the sixth is rejected. */
  readonly limit: number
  /** Whether another origin may be asked at all. Default `follow`. */
  readonly crossOrigin?: "follow" | "reject" | undefined
  /** Whether a body may travel to another origin. Default `false`. */
  readonly crossOriginBody?: boolean | undefined
  /** Whether the request has a body. When absent: no for GET, HEAD, OPTIONS, TRACE and DELETE, yes for the others. */
  readonly hasBody?: boolean | undefined
}

/**
 * The answer is a redirect to be followed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Follow {
  readonly _tag: "Follow"
  /** Method of the next request. */
  readonly method: string
  /** Absolute, normalised URL of the next request, with the fragment that it has or inherits. */
  readonly url: string
  /** Whether the body, if there is one, travels too. When not, the `content-*` fields stay behind with it. */
  readonly keepBody: boolean
  /** Whether scheme, host and port stay the same. When not, only headers that {@link isSafeCrossOriginHeader} travel. */
  readonly sameOrigin: boolean
}

/**
 * The answer is final: it is no redirect, or none that can be followed without asking.
 *
 * @since 0.1.0
 * @category models
 */
export interface Stop {
  readonly _tag: "Stop"
}

/**
 * The answer asks for a hop that must not be made.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reject {
  readonly _tag: "Reject"
  readonly reason: Reason
}

/**
 * Why a hop must not be made, in the order in which the rules are asked.
 *
 * - `TooMany`: `limit` redirects have been followed already.
 * - `InvalidLocation`: the Location is no URL reference, or holds a control character; or there are different ones.
 * - `UnsupportedScheme`: it leads out of http and https (`file:`, `data:`, `unix:` …).
 * - `Credentials`: it brings a user name or a password of its own.
 * - `Downgrade`: it leads from https to http.
 * - `CrossOrigin`: it leads to another origin, and `crossOrigin` is `reject`.
 * - `CrossOriginBody`: it would carry the body to another origin, and `crossOriginBody` is not `true`.
 *
 * @since 0.1.0
 * @category models
 */
export type Reason =
  "TooMany" | "InvalidLocation" | "UnsupportedScheme" | "Credentials" | "Downgrade" | "CrossOrigin" | "CrossOriginBody"

/**
 * What to do with an answer: make another request, give it out, or refuse.
 *
 * @since 0.1.0
 * @category models
 */
export type Decision = Follow | Stop | Reject

/**
 * Decides what follows an answer.
 *
 * | status | method | next |
 * |---|---|---|
 * | 301, 302 | POST | GET without body |
 * | 301, 302 | any other | the same method and body |
 * | 303 | HEAD | HEAD without body |
 * | 303 | any other | GET without body |
 * | 307, 308 | any | the same method and body |
 * | 300, 304, 305, 306 and all others | any | `Stop` |
 * | any, without a Location or with an empty one | any | `Stop` |
 *
 * 300 stops because its choice is the user's (a Location there is only the server's preference), 305 because it is
 * deprecated as insecure. A fragment is inherited unless the Location has one, be it empty. The Location is read as the
 * WHATWG URL Standard does, relative to `url`, and must not hold control characters, which that standard would drop.
 *
 * A body that a method is not expected to have (see `hasBody`) is left behind when the origin changes.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-15.4
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-10.2.2
 * @since 0.1.0
 * @category decisions
 */
export const decide = (exchange: RedirectInput): Decision => {
  const next = rewrite(exchange.status, exchange.method)
  const { location, isAmbiguous } = locationOf(exchange)
  if (next === undefined || location === "") return stop
  // Negated, so that a NaN follows nothing.
  if (!(exchange.hops < exchange.limit)) return reject("TooMany")
  if (isAmbiguous) return reject("InvalidLocation")

  const from = withoutUserinfo(exchange.url)
  const to = from === undefined || hasControl(location) ? undefined : Url.parse(location, from)
  if (from === undefined || to === undefined) return reject("InvalidLocation")

  const sameOrigin = from.origin === to.origin
  const reason = refusal(exchange, from, to, next.keepBody)
  if (reason !== undefined) return reject(reason)

  if (!location.includes("#")) to.hash = from.hash
  const keepBody = next.keepBody && (sameOrigin || exchange.crossOriginBody === true)
  // A Location that is a fragment alone has the query of the URL that was asked.
  const url = Url.hrefWithQuery(to, Url.queryStart(location) === -1 && to.search !== "" ? exchange.url : location)
  return { _tag: "Follow", method: next.method, url, keepBody, sameOrigin }
}

/**
 * The URL references that a Location field means, as it stands in a header: one, or several where a transport has joined
 * the fields of an answer that has more than one. `x, x` is one. Values that begin with a slash or with `http` are told apart
 * from a comma in a URL, which a blank cannot follow; others are not.
 *
 * The characters of a field are octets. Those beyond ASCII are percent-encoded one by one: so UTF-8, which servers send
 * although no URL may hold it, is read as UTF-8, and other octets go back to the server as they came. Text with characters
 * that are no octets was decoded by the transport, and stays as it is.
 *
 * @param field the value of a Location field
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-5.5
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-10.2.2
 * @since 0.1.0
 * @category decoding
 */
export const references = (field: string): ReadonlyArray<string> => {
  const value = single(field)
  const parts = value.split(", ")
  return (parts.every(isWhole) ? parts : [value]).map(encodeOctets)
}

const isWhole = (part: string): boolean => {
  const start = part.slice(0, 6).toLowerCase()
  return (start.startsWith("/") || start.startsWith("http:") || start === "https:") && !part.includes(" ")
}

const encodeOctets = (value: string): string => {
  let encoded = ""
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index)
    if (code > 0xff) return value
    encoded += code < 0x80 ? value.charAt(index) : `%${code.toString(16).toUpperCase()}`
  }
  return encoded
}

/**
 * Whether a header that the caller set may travel to another origin, in any letter case: the request fields of RFC 9110 that
 * describe the client and the wanted representation. The list is complete, because other names that begin with `accept-`
 * or `if-` can be those of an API key.
 *
 * `accept`, `accept-charset`, `accept-encoding`, `accept-language`, `if-match`, `if-modified-since`, `if-none-match`,
 * `if-range`, `if-unmodified-since`, `range`, `user-agent`.
 *
 * @param name a field name
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-15.4
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-12.5
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-13.1
 * @since 0.1.0
 * @category predicates
 */
export const isSafeCrossOriginHeader = (name: string): boolean => HARMLESS.has(name.toLowerCase())

const HARMLESS: ReadonlySet<string> = new Set([
  "accept",
  "accept-charset",
  "accept-encoding",
  "accept-language",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "range",
  "user-agent"
])

const WITHOUT_BODY: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "DELETE"])

/** Equal values count once (RFC 9110 §5.3); different ones are ambiguous. */
const locationOf = ({ location }: RedirectInput): { readonly location: string; readonly isAmbiguous: boolean } => {
  if (location === undefined || typeof location === "string") {
    return { location: trimBlanks(location ?? ""), isAmbiguous: false }
  }
  const values = new Set(location.map(trimBlanks).filter((value) => value !== ""))
  return { location: [...values][0] ?? "", isAmbiguous: values.size > 1 }
}

const stop: Stop = { _tag: "Stop" }

const reject = (reason: Reason): Reject => ({ _tag: "Reject", reason })

const rewrite = (status: number, method: string): Pick<Follow, "method" | "keepBody"> | undefined => {
  switch (status) {
    case 301:
    case 302:
      return method.toUpperCase() === "POST" ? { method: "GET", keepBody: false } : { method, keepBody: true }
    case 303:
      return { method: method.toUpperCase() === "HEAD" ? method : "GET", keepBody: false }
    case 307:
    case 308:
      return { method, keepBody: true }
    default:
      return undefined
  }
}

const refusal = (exchange: RedirectInput, from: URL, to: URL, keepsBody: boolean): Reason | undefined => {
  if (!Url.isHttp(from) || !Url.isHttp(to)) return "UnsupportedScheme"
  if (Url.hasUserinfo(to)) return "Credentials"
  if (from.protocol === "https:" && to.protocol === "http:") return "Downgrade"
  if (from.origin === to.origin) return undefined
  if (exchange.crossOrigin === "reject") return "CrossOrigin"
  const hasBody = exchange.hasBody ?? !WITHOUT_BODY.has(exchange.method.toUpperCase())
  return keepsBody && hasBody && exchange.crossOriginBody !== true ? "CrossOriginBody" : undefined
}

/** A relative Location would inherit the userinfo of its base, and be taken for one that brings its own. */
const withoutUserinfo = (text: string): URL | undefined => {
  const url = Url.parse(text)
  if (url === undefined) return undefined
  url.username = ""
  url.password = ""
  return url
}

const hasControl = (text: string): boolean => {
  for (let index = 0; index < text.length; index++) {
    if (isControl(text.charCodeAt(index))) return true
  }
  return false
}
