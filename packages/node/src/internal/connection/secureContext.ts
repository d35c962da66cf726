/** Certificates and keys as the options give them, parsed once. */
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

/** Node ignores an authority that it cannot parse, and then rejects the server. */
const checkAuthorities = (ca: Authorities): void => {
  for (const pem of typeof ca === "string" ? [ca] : ca) {
    try {
      for (const certificate of pem.match(certificatePattern) ?? [pem]) new X509Certificate(certificate)
    } catch (cause) {
      throw invalidTls("tls.ca holds no certificate in PEM", cause)
    }
  }
}

/** What is wrong with a certificate and its key, in the words of the options. */
const describeIdentityError = ({ passphrase }: Tls, code: string | undefined): string => {
  switch (code) {
    case "ERR_OSSL_X509_KEY_VALUES_MISMATCH":
      return "tls.key is not the key of tls.cert"
    case "ERR_OSSL_BAD_DECRYPT":
    case "ERR_MISSING_PASSPHRASE":
      return passphrase === undefined
        ? "tls.key is encrypted: give tls.passphrase"
        : "tls.passphrase does not decrypt tls.key"
    default:
      return "tls.cert or tls.key cannot be read: both have to be PEM"
  }
}

const makeIdentityContext = (tls: Tls): SecureContext => {
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw invalidTls(
      `tls.${tls.cert === undefined ? "key" : "cert"} is given without the other of tls.cert and tls.key`
    )
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

/**
 * The certificates and the key of connections, parsed; undefined where none are given; a failure where they cannot be
 * used.
 */
export const makeSecureContext = (tls: Tls): SecureContext | DescribedFailure | undefined => {
  const { ca, cert, key } = tls
  if (ca === undefined && cert === undefined && key === undefined) return undefined
  try {
    if (ca !== undefined) checkAuthorities(ca)
    return makeIdentityContext(tls)
  } catch (failure) {
    return failure instanceof DescribedFailure ? failure : invalidTls("tls cannot be used", failure)
  }
}
