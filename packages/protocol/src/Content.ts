/**
 * Whether a response has content, by its method and status (RFC 9112 §6.3).
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-6.3
 * @since 0.1.0
 */

/**
 * Whether a response to `method` with `status` can have content. `false`: it has none, whatever its `content-length` or
 * `transfer-encoding` says.
 *
 * | response | content |
 * |---|---|
 * | to `HEAD` | none (RFC 9110 §9.3.2) |
 * | 2xx to `CONNECT` | none (RFC 9110 §9.3.6) |
 * | 1xx, 204, 304 | none (RFC 9112 §6.3) |
 * | 205 | none (RFC 9110 §15.3.6) |
 * | any other | depends on its header fields |
 *
 * @example
 * import * as Content from "@countersign/protocol/Content"
 *
 * Content.isPossible("HEAD", 200) // false
 *
 * @param method the method of the request, in upper case
 * @param status the status of the response
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-6.4.1
 * @since 0.1.0
 * @category predicates
 */
export const isPossible = (method: string, status: number): boolean => {
  if (status < 200 || status === 204 || status === 205 || status === 304) return false
  return method !== "HEAD" && (method !== "CONNECT" || status >= 300)
}
