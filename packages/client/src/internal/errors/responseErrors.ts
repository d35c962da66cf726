/** Errors of a response that this client does not follow or decode. */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Data from "effect/Data"
import type { SchemaIssue } from "../../SchemaIssue.js"
import type { ExchangeInfo } from "./errorFields.js"
import { responseText } from "./errorFields.js"
import { responseOfError } from "./errorResponse.js"

/**
 * Why a redirect was not followed.
 *
 * - `TooMany`: `limit` redirects have been followed already.
 * - `InvalidLocation`: `Location` is not a valid URL, or there are several different ones.
 * - `UnsupportedScheme`: the target is neither http nor https.
 * - `Downgrade`: from https to http.
 * - `CrossOrigin`: to another origin, with `crossOrigin: "reject"`.
 * - `CrossOriginBody`: the request body would be sent to another origin, without `crossOriginBody: true`.
 * - `Credentials`: `Location` contains a user name or a password.
 * - `BodyNotReplayable`: the body must be sent again, but can be sent only once.
 * - `Opaque`: `fetch` hides status and `Location`, as in browsers. `status` is 0 and `location` is empty.
 *
 * @since 0.1.0
 * @category models
 */
export type RedirectReason =
  | "TooMany"
  | "InvalidLocation"
  | "UnsupportedScheme"
  | "Downgrade"
  | "CrossOrigin"
  | "CrossOriginBody"
  | "Credentials"
  | "BodyNotReplayable"
  | "Opaque"

const redirectAdvice: Record<RedirectReason, string> = {
  TooMany: "the limit of redirects is reached. Raise `redirects.limit`, or request the final URL.",
  InvalidLocation: "`Location` is not a valid URL, or has several different values.",
  UnsupportedScheme: "`Location` is neither http nor https.",
  Downgrade: "it leads from https to http.",
  CrossOrigin: 'it leads to another origin, which `redirects.crossOrigin: "reject"` forbids.',
  CrossOriginBody: "it would send the body to another origin. To allow that, set `redirects.crossOriginBody`.",
  Credentials: "`Location` contains a user name or a password.",
  BodyNotReplayable: "the body must be sent again, but this body can be sent only once.",
  Opaque: "`fetch` hides its target. Request the final URL, or use a transport that shows redirects."
}

const redirectText = (e: ExchangeInfo & Pick<RedirectRejected, "reason" | "location">): string =>
  e.reason === "Opaque"
    ? `${e.method} ${e.url} answered with a redirect, which was not followed`
    : `${responseText(e)} with a redirect to ${e.location}, which was not followed`

/**
 * Unsafe redirect: it was not followed, and nothing was sent to its target.
 *
 * Specification: [RFC 9110 §15.4](https://www.rfc-editor.org/rfc/rfc9110#section-15.4).
 *
 * @since 0.1.0
 * @category errors
 */
export class RedirectRejected
  extends /* @__PURE__ */ Data.TaggedError("RedirectRejected")<
    ExchangeInfo & {
      /** Why the redirect was not followed. */
      readonly reason: RedirectReason
      /** Target of the redirect, safe to print. */
      readonly location: string
      readonly message: string
    }
  >
{
  constructor(fields: ExchangeInfo & Pick<RedirectRejected, "reason" | "location">) {
    super({ ...fields, message: `${redirectText(fields)}: ${redirectAdvice[fields.reason]}` })
  }

  /** The response that caused this error, with its body. Undefined if no response caused it. */
  get response(): HttpClientResponse | undefined {
    return responseOfError.get(this)
  }
}

/**
 * Invalid response: the body is not JSON, or does not match the schema. The body is not printed, because it may contain
 * secrets.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidResponse
  extends /* @__PURE__ */ Data.TaggedError("InvalidResponse")<
    ExchangeInfo & {
      /** `"Json"`: the body is not JSON. `"Schema"`: it does not match the schema. */
      readonly reason: "Json" | "Schema"
      /** Where the body does not match the schema, up to ten places. */
      readonly mismatches: ReadonlyArray<SchemaIssue>
      readonly message: string
    }
  >
{
  /** @param problem - what is wrong with the body, for the message. By default by `reason` and the first mismatch. */
  constructor(fields: ExchangeInfo & Pick<InvalidResponse, "reason" | "mismatches">, problem?: string) {
    const first = fields.mismatches[0]
    const mismatch = first === undefined ? "" : `: at ${first.path}, expected ${first.expected}`
    const usual = fields.reason === "Json" ? "the body is not JSON" : `the body does not match the schema${mismatch}`
    super({ ...fields, message: `${responseText(fields)}: ${problem ?? usual}` })
  }

  /** The response that caused this error, with its body. Undefined if no response caused it. */
  get response(): HttpClientResponse | undefined {
    return responseOfError.get(this)
  }
}
