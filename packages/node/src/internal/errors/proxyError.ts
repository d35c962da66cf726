import type { FailureDetails } from "@countersign/client/Transport"

type ProxyFailure = Omit<FailureDetails, "phase"> & { readonly phase?: FailureDetails["phase"] }

/** The error when a proxy opened no connection or did not forward the request. */
export class ProxyError extends Error {
  override readonly name: string = "ProxyError"
  /** The code of the cause. Never one after which undici connects again (`UND_ERR_SOCKET`, `UND_ERR_INFO`). */
  readonly code: string | undefined
  /** The details for `TransportError`. A phase in them replaces that of the request. */
  readonly details: ProxyFailure

  constructor(message: string, details: ProxyFailure, cause?: unknown) {
    super(message, { cause })
    this.code = details.code
    this.details = details
  }
}
