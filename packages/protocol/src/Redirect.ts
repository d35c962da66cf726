/**
 * Redirects (RFC 9110 §15.4): decides what follows a 3xx response, without sending anything.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-15.4
 * @since 0.1.0
 */
import { trimBlanks } from "./internal/Char.js"
import { single } from "./internal/Singleton.js"
import * as Url from "./internal/Url.js"

/**
 * Input of {@link decide}: the request, its response, and the rules of the client.
 *
 * @since 0.1.0
 * @category models
 */
export interface RedirectInput {
  /** Method of the request, such as `POST`. */
  readonly method: string
  /** Absolute URL of the request. Its fragment is inherited, its userinfo is not. */
  readonly url: string
  /** Status code of the response. */
  readonly status: number
  /** Value of the `Location` field, or the values of all of them. See {@link references}. */
  readonly location: string | ReadonlyArray<string> | undefined
  /** Number of redirects already followed in this call. */
  readonly hops: number
  /** Maximum number of redirects in one call: with 5, the sixth is rejected. */
  readonly limit: number
  /** Whether redirects to another origin are followed. Default `follow`. */
  readonly crossOrigin?: "follow" | "reject" | undefined
  /** Whether the body may be sent to another origin. Default `false`. */
  readonly crossOriginBody?: boolean | undefined
  /** Whether the request has a body. Default: no for GET, HEAD, OPTIONS, TRACE and DELETE, yes for other methods. */
  readonly hasBody?: boolean | undefined
}

/**
 * Decision to follow the redirect: the next request.
 *
 * @since 0.1.0
 * @category models
 */
export interface Follow {
  readonly _tag: "Follow"
  /** Method of the next request. */
  readonly method: string
  /** Absolute, normalized URL of the next request, with its own or the inherited fragment. */
  readonly url: string
  /** Whether the body is sent again. Otherwise the `content-*` fields are dropped with it. */
  readonly keepBody: boolean
  /**
   * Whether scheme, host and port stay the same. Otherwise only headers that pass {@link isSafeCrossOriginHeader} are sent.
   */
  readonly sameOrigin: boolean
}

/**
 * Decision to return the response: it is no redirect, or none that can be followed automatically.
 *
 * @since 0.1.0
 * @category models
 */
export interface Stop {
  readonly _tag: "Stop"
}

/**
 * Decision to reject the redirect, because following it is not safe.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reject {
  readonly _tag: "Reject"
  /** The first rule that the redirect breaks. */
  readonly reason: Reason
}

/**
 * Why a redirect is rejected, in the order in which the rules are checked.
 *
 * - `TooMany`: `limit` redirects have been followed already.
 * - `InvalidLocation`: `Location` is not a valid URL reference or contains a control character, or several differ.
 * - `UnsupportedScheme`: the target is neither http nor https (`file:`, `data:`, `unix:` …).
 * - `Credentials`: the target contains a user name or a password.
 * - `Downgrade`: from https to http.
 * - `CrossOrigin`: to another origin, and `crossOrigin` is `reject`.
 * - `CrossOriginBody`: the body would be sent to another origin, and `crossOriginBody` is not `true`.
 *
 * @since 0.1.0
 * @category models
 */
export type Reason =
  "TooMany" | "InvalidLocation" | "UnsupportedScheme" | "Credentials" | "Downgrade" | "CrossOrigin" | "CrossOriginBody"

/**
 * Decision about a response: follow the redirect, return the response, or reject the redirect.
 *
 * @since 0.1.0
 * @category models
 */
export type Decision = Follow | Stop | Reject

/**
 * Decides whether and how to follow the redirect of a response.
 *
 * | status | method | next |
 * |---|---|---|
 * | 301, 302 | POST | GET without body |
 * | 301, 302 | any other | the same method and body |
 * | 303 | HEAD | HEAD without body |
 * | 303 | any other | GET without body |
 * | 307, 308 | any | the same method and body |
 * | 300, 304, 305, 306 and all others | any | `Stop` |
 * | any, without `Location` or with an empty one | any | `Stop` |
 *
 * - 300 stops because the user chooses; its `Location` is only the server's preference. 305 is deprecated as insecure.
 * - The fragment is inherited, unless `Location` has one, even an empty one.
 * - `Location` is parsed as the WHATWG URL Standard says, relative to `url`. Control characters are rejected, because that
 *   standard would drop them.
 * - A body of a method that normally has none (see `hasBody`) is dropped when the origin changes.
 *
 * @example
 * import * as Redirect from "@countersign/protocol/Redirect"
 *
 * Redirect.decide({
 *   method: "POST",
 *   url: "https://api.example.com/v1",
 *   status: 303,
 *   location: "/v2",
 *   hops: 0,
 *   limit: 10
 * })
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
  // Negated, so that `NaN` follows no redirect.
  if (!(exchange.hops < exchange.limit)) return reject("TooMany")
  if (isAmbiguous) return reject("InvalidLocation")

  const from = withoutUserinfo(exchange.url)
  const to = from === undefined || Url.hasControl(location) ? undefined : Url.parse(location, from)
  if (from === undefined || to === undefined) return reject("InvalidLocation")

  const sameOrigin = from.origin === to.origin
  const reason = refusal(exchange, from, to, next.keepBody)
  if (reason !== undefined) return reject(reason)

  if (!location.includes("#")) to.hash = from.hash
  const keepBody = next.keepBody && (sameOrigin || exchange.crossOriginBody === true)
  // A `Location` with only a fragment keeps the query of the request's URL.
  const url = Url.hrefWithQuery(to, Url.queryStart(location) === -1 && to.search !== "" ? exchange.url : location)
  return { _tag: "Follow", method: next.method, url, keepBody, sameOrigin }
}

/**
 * Splits a `Location` field into URL references. It has several if a transport joined the fields of a response. Equal ones
 * (`x, x`) count as one.
 *
 * Values that begin with a slash or with `http` can be told from a comma in a URL, which no blank follows. Others cannot.
 *
 * The characters of a field are octets. Those outside ASCII are percent-encoded one by one. So UTF-8, which servers send
 * although URLs may not contain it, is read as UTF-8, and other octets are sent back unchanged. Text with characters above
 * 255 was decoded by the transport, and is not changed.
 *
 * @param field the value of a `Location` field
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-5.5
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-10.2.2
 * @since 0.1.0
 * @category decoding
 */
export const references = (field: string): ReadonlyArray<string> => {
  const value = single(field)
  const parts = value.split(", ")
  return (parts.every(isWhole) ? parts : [value]).map(Url.encodeOctets)
}

const isWhole = (part: string): boolean => {
  const start = part.slice(0, 6).toLowerCase()
  return (start.startsWith("/") || start.startsWith("http:") || start === "https:") && !part.includes(" ")
}

/**
 * Whether a header that the caller set may be sent to another origin, in any letter case.
 *
 * These are the request fields of RFC 9110 that describe the client and the preferred representation. It is an allow-list,
 * because other names that begin with `accept-` or `if-` may carry API keys:
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

/** Equal values count once (RFC 9110 §5.3). Different values are ambiguous. */
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

/** A relative `Location` would inherit the userinfo of its base and be rejected for it. */
const withoutUserinfo = (text: string): URL | undefined => {
  const url = Url.parse(text)
  if (url === undefined) return undefined
  url.username = ""
  url.password = ""
  return url
}
