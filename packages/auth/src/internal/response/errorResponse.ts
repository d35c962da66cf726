/** Maps error responses (RFC 6749 §5.2), and responses that deviate from them, to a `TokenError`. */
import { TokenError } from "../../Errors.js"
import * as Challenge from "@countersign/protocol/Challenge"
import * as Redact from "@countersign/protocol/Redact"
import type { ComplianceFixes } from "../oauth/client.js"
import * as ErrorDetails from "./errorDetails.js"
import type { ServerResponse } from "./receivedResponse.js"
import * as ResponseBody from "./responseBody.js"

const unavailable = (detail: string, more: Pick<TokenError, "retryAt" | "sent"> = {}): TokenError =>
  new TokenError({ reason: "Unavailable", detail, ...more })

/** OAuth error codes of temporary errors. */
const isTransient = (code: string | undefined): boolean => code === "server_error" || code === "temporarily_unavailable"

/** Statuses of temporary errors, whatever the body holds. */
const isBusy = (status: number): boolean => status === 408 || status === 425 || status === 429

/** A forward proxy requires credentials, or a network requires a sign-in. The server did not receive the request. */
const isOfProxy = (status: number): boolean => status === 407 || status === 511

/** Polling errors of the device grant. Some servers send them with status 429. */
const isSlowDown = (code: string | undefined): boolean => code === "slow_down" || code === "authorization_pending"

/** Redirects are never followed, because the request holds credentials. */
const redirected = ({ location, secrets, status, url }: ServerResponse): TokenError => {
  const target = location !== undefined && URL.canParse(location, url) ? new URL(location, url).href : undefined
  const shown = target === undefined ? undefined : secrets.redacted(Redact.url(target), 300)
  return unavailable(
    shown === undefined
      ? `the authorization server answered ${status}: redirects are not followed, because the request holds credentials. Check the configured URLs`
      : `the authorization server redirects (${status}) to ${shown}, which is not followed: the request holds ` +
          "credentials. If that is its URL, configure it"
  )
}

const quoted = ({ secrets }: ServerResponse, message: string | undefined): string | undefined => {
  const text = message === undefined ? undefined : secrets.redacted(message, 200)
  return text === undefined || text === "" ? undefined : `"${text}"`
}

/** What happened, with the code and the message of the server. */
const said = (received: ServerResponse, details: ErrorDetails.ErrorDetails): string => {
  const { secrets, status } = received
  const code = details.name === undefined ? undefined : secrets.redacted(details.name, 60)
  const message = quoted(received, details.message)
  if (details.isOAuth) {
    return `the authorization server rejected the request with ${code ?? "an error"}${message === undefined ? "" : ` (${message})`}`
  }
  const told = [code, message].filter((part) => part !== undefined).join(" ")
  return `the authorization server answered ${status} without an OAuth error${told === "" ? "" : `: ${told}`}`
}

const advice = "If it means an OAuth error, map it by `complianceFixes.errorCodes`"

const rejected = (received: ServerResponse, details: ErrorDetails.ErrorDetails): TokenError => {
  const { code, isOAuth, name } = details
  const detail = said(received, details)
  return new TokenError({
    reason: "Rejected",
    error: code ?? (name === undefined ? undefined : received.secrets.redacted(name, 60)),
    detail: isOAuth || code !== undefined ? detail : `${detail}. ${advice}`,
    retryAt: isSlowDown(code) ? received.retryAt : undefined
  })
}

const busy = (received: ServerResponse, details: ErrorDetails.ErrorDetails | undefined): TokenError => {
  const message = quoted(received, details?.message)
  const what = message === undefined ? String(received.status) : `${received.status} (${message})`
  return unavailable(`the authorization server answered ${what}: try again later`, { retryAt: received.retryAt })
}

/** Some servers report an invalid client with the header alone (RFC 6749 §5.2). */
const isChallenged = ({ challenge, status }: ServerResponse): boolean =>
  status === 401 && Challenge.parse(challenge ?? "").length > 0

const unknownClient = (received: ServerResponse, details: ErrorDetails.ErrorDetails | undefined): TokenError => {
  const message = quoted(received, details?.message)
  const told = message === undefined ? "" : ` (${message})`
  return new TokenError({
    reason: "Rejected",
    error: "invalid_client",
    detail: `the authorization server rejected the client authentication${told}: the client is unknown, or its secret or method is wrong. Check \`clientId\`, \`clientSecret\` and \`clientAuthentication\``
  })
}

/** Maps the error in a body. A JSON object with a 4xx status comes from the server, not from a proxy. */
const ofDetails = (received: ServerResponse, details: ErrorDetails.ErrorDetails): TokenError => {
  const { status } = received
  if (isBusy(status) && !isSlowDown(details.code)) return busy(received, details)
  if (isTransient(details.code)) {
    const { retryAt } = received
    return unavailable(`${said(received, details)}: try again later`, { retryAt })
  }
  if (status >= 500 && details.code === undefined) return busy(received, details)
  if (isChallenged(received) && details.code === undefined && !details.isOAuth) return unknownClient(received, details)
  return rejected(received, details)
}

/**
 * The error of a response without a status of success. `bodies` are the body after `complianceFixes.transformResponse`,
 * and the original body.
 */
export const of = (
  received: ServerResponse,
  bodies: ReadonlyArray<ResponseBody.Body>,
  complianceFixes: ComplianceFixes | undefined
): TokenError => {
  const { status } = received
  if (status >= 300 && status <= 399) return redirected(received)
  if (isOfProxy(status))
    return unavailable(`a proxy answered ${status} before the authorization server: check the proxy`)
  const details = ErrorDetails.of(bodies, status, complianceFixes)
  if (details !== undefined) return ofDetails(received, details)
  if (isBusy(status) || status >= 500) return busy(received, undefined)
  if (isChallenged(received)) return unknownClient(received, undefined)
  return unavailable(
    `the authorization server answered ${status} without a JSON object: a proxy or a firewall may have answered instead`
  )
}

/** The error in a response with a status of success. Some servers (GitHub, Slack) send all errors with status 200. */
export const errorInSuccess = (
  received: ServerResponse,
  bodies: ReadonlyArray<ResponseBody.Body>,
  complianceFixes: ComplianceFixes | undefined
): TokenError | undefined => {
  const details = ErrorDetails.of(bodies, received.status, complianceFixes)
  return details?.isError === true ? ofDetails(received, details) : undefined
}

/** A success without an object in its body. HTML comes from a login page or captive portal, broken JSON from the server. */
export const unreadable = ({ status, text }: ServerResponse): TokenError =>
  ResponseBody.isJsonLike(text)
    ? new TokenError({ reason: "InvalidResponse", detail: "invalid response: the body is not a valid JSON object" })
    : unavailable(
        `the authorization server answered ${status} without a JSON object or a form: a proxy or a login page may have ` +
          "answered instead"
      )

/** RFC 9449 §8: the server requires a nonce in the DPoP proof. */
export const isNonceRequest = ({ challenge, status, text }: ServerResponse): boolean => {
  if (status < 400 || status > 499) return false
  const demand = "use_dpop_nonce"
  return (
    ResponseBody.parse(text)?.["error"] === demand ||
    Challenge.parse(challenge ?? "").some(({ params, scheme }) => scheme === "dpop" && params["error"] === demand)
  )
}
