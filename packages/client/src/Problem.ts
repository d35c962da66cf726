/**
 * Problem details: what a server says about an error in a form that programs can read.
 *
 * @since 0.1.0
 */
import * as Redact from "@countersign/protocol/Redact"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/**
 * The members of [RFC 9457 §3.1](https://www.rfc-editor.org/rfc/rfc9457#section-3.1), made safe to print and cut to
 * 500 characters each. Extension members are in the response's body.
 *
 * @since 0.1.0
 * @category models
 */
export interface Problem {
  readonly type?: string | undefined
  readonly title?: string | undefined
  readonly detail?: string | undefined
  readonly instance?: string | undefined
}

const mostShown = 500

// The members are optional, and a member of the wrong type is to be ignored (§3.1), not to spoil the others.
const Document = Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Unknown }))
const decode = Schema.decodeUnknownOption(Document)

/**
 * Whether a content type is that of problem details: `application/problem+json`, with any parameters.
 *
 * @since 0.1.0
 * @category decoding
 */
export const isProblem = (contentType: string | undefined): boolean =>
  contentType?.split(";", 1)[0]?.trim().toLowerCase() === "application/problem+json"

/**
 * Reads problem details from the text of a body; `None` when it is not a JSON object.
 *
 * @param hide - replaces secrets in a member, and cuts it beyond the limit that it is given, as `Redact.withoutSecrets`
 *   does. Nothing is replaced by default.
 * @since 0.1.0
 * @category decoding
 */
export const parse = (
  text: string,
  hide: (member: string, limit: number) => string = (member) => member
): Option.Option<Problem> =>
  Option.map(decode(text), (document) => {
    const member = (name: string): string | undefined => {
      const value = Object.hasOwn(document, name) ? document[name] : undefined
      return typeof value === "string" ? Redact.text(hide(value, mostShown), mostShown) : undefined
    }
    return { type: member("type"), title: member("title"), detail: member("detail"), instance: member("instance") }
  })
