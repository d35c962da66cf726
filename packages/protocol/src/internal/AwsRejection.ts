/**
 * Why a server rejected an AWS signature, from the text of its error.
 */

/**
 * Why a server rejected a signed request, as its error says.
 *
 * - `Time`: the time of the signature is too far from that of the server.
 * - `Credentials`: the temporary credentials have expired.
 *
 * @since 0.1.0
 * @category models
 */
export type Rejection =
  { readonly _tag: "Time"; readonly serverTime: number | undefined } | { readonly _tag: "Credentials" }

const timeErrors = /RequestTimeTooSkewed|RequestExpired|RequestInTheFuture|Signature expired|Signature not yet current/
const credentialErrors = /\bExpiredToken(?:Exception)?\b|\bTokenRefreshRequired\b/
const basicTime = /\((\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z [+-] \d{1,4} min/
const extendedTime = /<ServerTime>(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?Z<\/ServerTime>/

const serverTimeOf = (text: string): number | undefined => {
  const found = extendedTime.exec(text) ?? basicTime.exec(text)
  if (found === null) return undefined
  const [year, month, day, hour, minute, second] = found.slice(1, 7)
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return Number.isNaN(time) ? undefined : time
}

/**
 * Reads from the body of an error why the request was rejected. Undefined if time and expiry are not the reason.
 *
 * @param text the body of the response
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 * @since 0.1.0
 * @category decoding
 */
export const rejectionOf = (text: string): Rejection | undefined => {
  if (timeErrors.test(text)) return { _tag: "Time", serverTime: serverTimeOf(text) }
  return credentialErrors.test(text) ? { _tag: "Credentials" } : undefined
}
