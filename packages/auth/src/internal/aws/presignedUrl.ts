/** A URL with an AWS signature in its query. */
import type { InvalidRequest } from "@countersign/client/Errors"
import * as AwsSignature from "@countersign/protocol/AwsSignature"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { emptyHash } from "./payload.js"
import { invalid } from "./resolve.js"
import type { ToSign } from "./signedRequest.js"
import { Signer } from "./signing.js"

const maxSeconds = 7 * 24 * 3600

/** The validity in whole seconds. */
export const secondsOf = (expiresIn: Duration.DurationInput): Effect.Effect<number, InvalidRequest> => {
  const seconds = Math.floor(Duration.toSeconds(expiresIn))
  return seconds >= 1 && seconds <= maxSeconds
    ? Effect.succeed(seconds)
    : Effect.fail(invalid("Options", `\`expiresIn\` is ${seconds} seconds. Set 1 second to 7 days.`))
}

/** The parsed URL. */
export const parseUrl = (url: string | URL): Effect.Effect<URL, InvalidRequest> =>
  Effect.try({
    try: () => new URL(url),
    catch: () => invalid("Url", "the URL to sign is not absolute. Use an absolute URL.")
  })

/** The payload hash of a presigned URL: S3 does not sign the body, other services sign an empty one. */
const presignedHash = (service: string): string =>
  AwsSignature.pathRuleOf(service) === "s3" ? AwsSignature.unsignedPayload : emptyHash

/** What is signed with one URL. */
export interface ToPresign extends Omit<ToSign, "request" | "payload"> {
  readonly expiresIn: number
}

/** Signs the URL. */
export const presigned = (
  {
    headers: extra = {},
    method = "GET"
  }: {
    readonly headers?: Readonly<Record<string, string>> | undefined
    readonly method?: string | undefined
  },
  { credentials, endpoint, expiresIn, time, url }: ToPresign
): Redacted.Redacted<string> => {
  const headers: ReadonlyArray<readonly [string, string]> = [["host", url.host], ...Object.entries(extra)]
  const { accessKeyId, sessionToken } = credentials
  const query = AwsSignature.presignedQuery(url.search.slice(1), {
    accessKeyId,
    scope: AwsSignature.scope(time, endpoint),
    signedHeaders: AwsSignature.signedHeaders(headers),
    time,
    expiresIn,
    sessionToken: sessionToken && Redacted.value(sessionToken)
  })
  const { text } = AwsSignature.canonicalRequest({
    ...{ method, path: url.pathname, query, headers },
    payloadHash: presignedHash(endpoint.service),
    pathRule: AwsSignature.pathRuleOf(endpoint.service)
  })
  const signature = new Signer().sign(credentials, endpoint, time, text)
  return Redacted.make(`${url.origin}${url.pathname}?${query}&X-Amz-Signature=${signature}`)
}
