/** Parses the certificates and keys of the options once. */
import * as Redacted from "effect/Redacted"
import { X509Certificate } from "node:crypto"
import type { SecureContext } from "node:tls"
import { createSecureContext } from "node:tls"
import { DescribedFailure } from "../errors/describedFailure.js"
import type { Tls } from "./tls.js"

type Authorities = string | ReadonlyArray<string>

const codeOf = (cause: unknown): string | undefined =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined

const invalidTls = (detail: string, cause?: unknown): DescribedFailure =>
  new DescribedFailure({ reason: "Tls", code: codeOf(cause) ?? "ERR_COUNTERSIGN_TLS", detail }, cause)

const certificatePattern =
  /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]+-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g

/** Rejects invalid certificates. Node ignores them, and then rejects the server. */
const checkAuthorities = (ca: Authorities): void => {
  for (const pem of typeof ca === "string" ? [ca] : ca) {
    try {
      for (const certificate of pem.match(certificatePattern) ?? [pem]) new X509Certificate(certificate)
    } catch (cause) {
      throw invalidTls("tls.ca has an invalid certificate. Use PEM", cause)
    }
  }
}

/** Describes an invalid certificate or key by the name of its option. */
const describeIdentityError = ({ passphrase }: Tls, code: string | undefined): string => {
  switch (code) {
    case "ERR_OSSL_X509_KEY_VALUES_MISMATCH":
      return "tls.key does not match tls.cert"
    case "ERR_OSSL_BAD_DECRYPT":
    case "ERR_MISSING_PASSPHRASE":
      return passphrase === undefined
        ? "tls.key is encrypted. Set tls.passphrase"
        : "tls.passphrase does not decrypt tls.key"
    default:
      return "tls.cert or tls.key is invalid. Use PEM for both"
  }
}

const makeIdentityContext = (tls: Tls): SecureContext => {
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw invalidTls(`tls.${tls.cert === undefined ? "key" : "cert"} is set alone. Set both tls.cert and tls.key`)
  }
  try {
    return createSecureContext({
      ca: typeof tls.ca === "object" ? [...tls.ca] : tls.ca,
      cert: tls.cert,
      key: tls.key === undefined ? undefined : Redacted.value(tls.key),
      passphrase: tls.passphrase === undefined ? undefined : Redacted.value(tls.passphrase)
    })
  } catch (cause) {
    throw invalidTls(describeIdentityError(tls, codeOf(cause)), cause)
  }
}

/** Parses the certificates and the key. Undefined if there are none; a failure if they are invalid. */
export const makeSecureContext = (tls: Tls): SecureContext | DescribedFailure | undefined => {
  const { ca, cert, key } = tls
  if (ca === undefined && cert === undefined && key === undefined) return undefined
  try {
    if (ca !== undefined) checkAuthorities(ca)
    return makeIdentityContext(tls)
  } catch (failure) {
    return failure instanceof DescribedFailure ? failure : invalidTls("the option tls is invalid", failure)
  }
}
