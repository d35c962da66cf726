/**
 * The public modules of `@countersign/protocol` as namespaces. `npm run docs -- --write` writes this file.
 *
 * @since 0.1.0
 */
/** `Accept-Signature` (RFC 9421 §5): asks the other side to sign its next message. */
export * as AcceptSignature from "./AcceptSignature.js"
/** AWS Signature Version 4: canonical request, string to sign, and the fields and query parameters of a signed request. */
export * as AwsSignature from "./AwsSignature.js"
/** Base URLs of APIs: joins a path to a base URL, and rejects every path that leads outside of it. */
export * as BaseUrl from "./BaseUrl.js"
/** Credentials of the Basic authentication scheme (RFC 7617). */
export * as Basic from "./Basic.js"
/** Cache directives: parser for the field `Cache-Control` (RFC 9111 §5.2), and for `Age`. */
export * as CacheControl from "./CacheControl.js"
/** Authentication challenges: parser for the fields `WWW-Authenticate` and `Proxy-Authenticate` (RFC 9110 §11.6.1). */
export * as Challenge from "./Challenge.js"
/** Whether a response has content, by its method and status (RFC 9112 §6.3). */
export * as Content from "./Content.js"
/** Digest fields (RFC 9530): parser and formatter for `Content-Digest`, `Repr-Digest` and the `Want-` fields. */
export * as ContentDigest from "./ContentDigest.js"
/** `Content-Range` of byte ranges: parser (RFC 9110 §14.4). */
export * as ContentRange from "./ContentRange.js"
/** Challenges of Digest access authentication (RFC 7616), and what a server says after it has accepted a digest. */
export * as DigestChallenge from "./DigestChallenge.js"
/** Credentials of Digest access authentication (RFC 7616): the texts to hash, and the `Authorization` field. */
export * as DigestCredentials from "./DigestCredentials.js"
/** HTTP-date (RFC 9110 §5.6.7): parser and formatter, without a clock, a time zone or `Date`. */
export * as HttpDate from "./HttpDate.js"
/** Web links: parser for the field `Link` (RFC 8288 §3). */
export * as Link from "./Link.js"
/** HTTP Message Signatures (RFC 9421): signature bases, and the fields `Signature-Input` and `Signature`. */
export * as MessageSignature from "./MessageSignature.js"
/** OAuth 1.0 signatures (RFC 5849): the text to sign, and the `Authorization` field. */
export * as OAuth1 from "./OAuth1.js"
/**
 * Names and numbers of options: finds a name that a function does not know, and suggests the one that was meant. Finds a number
 * that is out of range.
 */
export * as OptionNames from "./OptionNames.js"
/** Origins of http and https URLs (RFC 6454): scheme, host and port, to which a credential is bound. */
export * as Origin from "./Origin.js"
/** Rate limit fields: parser for `RateLimit`, `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers) and `X-RateLimit-*`. */
export * as RateLimit from "./RateLimit.js"
/** Redaction: makes URLs, header values and server text safe to show in errors, logs, spans and terminals. */
export * as Redact from "./Redact.js"
/** Redirects (RFC 9110 §15.4): decides what follows a 3xx response, without sending anything. */
export * as Redirect from "./Redirect.js"
/** Digests of a representation: parser for `Repr-Digest` (RFC 9530 §3) and `Content-MD5` (RFC 1864). */
export * as ReprDigest from "./ReprDigest.js"
/** Request targets (RFC 9112 §3.2.1): path and query of a URL. */
export * as RequestTarget from "./RequestTarget.js"
/** Results of validating functions: a value, or the reason why the input is rejected. */
export * as Result from "./Result.js"
/** `Retry-After` (RFC 9110 §10.2.3) and the other fields with which servers ask clients to wait. */
export * as RetryAfter from "./RetryAfter.js"
/** Structured field values (RFC 9651): parser and serializer for Lists, Dictionaries and Items. */
export * as StructuredField from "./StructuredField.js"
/** Request fields that select a representation: parser for the field `Vary` (RFC 9110 §12.5.5). */
export * as Vary from "./Vary.js"
