/**
 * Problem details for HTTP APIs ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)): a machine-readable description of an
 * error in its response.
 *
 * @since 0.1.0
 */
import * as Redact from "@countersign/protocol/Redact"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"

/**
 * The members of problem details ([RFC 9457 §3.1](https://www.rfc-editor.org/rfc/rfc9457#section-3.1)).
 *
 * Each is made safe to print and cut to 500 characters. A member that is not a string is left out. Extension members are in
 * the response body.
 *
 * @since 0.1.0
 * @category models
 */
export interface Problem {
  /** URI reference that identifies the problem type. */
  readonly type?: string | undefined
  /** Short summary of the problem type. */
  readonly title?: string | undefined
  /** Explanation of this occurrence of the problem. */
  readonly detail?: string | undefined
  /** URI reference that identifies this occurrence. */
  readonly instance?: string | undefined
}

const mostShown = 500

const parseJson = Option.liftThrowable((text: string): unknown => JSON.parse(text))

/**
 * Whether a content type is `application/problem+json`, with any parameters.
 *
 * @since 0.1.0
 * @category decoding
 */
export const isProblem = (contentType: string | undefined): boolean =>
  contentType?.split(";", 1)[0]?.trim().toLowerCase() === "application/problem+json"

/**
 * Parses problem details from the text of a body. Returns `None` when it is not a JSON object.
 *
 * @example
 * import * as Problem from "@countersign/client/Problem"
 * import * as Option from "effect/Option"
 *
 * const explain = ({ detail, title, type = "about:blank" }: Problem.Problem) => `${detail ?? title} (${type})`
 *
 * // The reason of an error response of any HTTP client.
 * const reasonOf = (contentType: string | undefined, body: string): string =>
 *   Problem.isProblem(contentType)
 *     ? Option.match(Problem.parse(body), { onNone: () => "no reason", onSome: explain })
 *     : "no reason"
 *
 * const body = '{ "type": "/problems/credit", "title": "Out of credit", "detail": "Your balance is 30." }'
 *
 * // "Your balance is 30. (/problems/credit)"
 * const reason = reasonOf("application/problem+json; charset=utf-8", body)
 *
 * @param text - the body of the response.
 * @param hide - replaces secrets in a member and cuts it to the given limit, as `Redact.withoutSecrets` does. By default
 *   nothing is replaced.
 * @since 0.1.0
 * @category decoding
 */
export const parse = (
  text: string,
  hide: (member: string, limit: number) => string = (member) => member
): Option.Option<Problem> => Option.flatMap(parseJson(text), (document) => fromUnknown(document, hide))

/**
 * Reads problem details from parsed JSON. Returns `None` when it is not an object.
 *
 * Every member is optional. A member of the wrong type is ignored, and does not invalidate the others (RFC 9457 §3.1).
 *
 * @param document - the parsed body of the response.
 * @param hide - replaces secrets, as for {@link parse}.
 * @since 0.1.0
 * @category decoding
 */
export const fromUnknown = (
  document: unknown,
  hide: (member: string, limit: number) => string = (member) => member
): Option.Option<Problem> =>
  Option.map(Option.liftPredicate(document, Predicate.isRecord), (members) => {
    const member = (name: string): string | undefined => {
      const value = Object.hasOwn(members, name) ? members[name] : undefined
      return typeof value === "string" ? Redact.text(hide(value, mostShown), mostShown) : undefined
    }
    return { type: member("type"), title: member("title"), detail: member("detail"), instance: member("instance") }
  })
