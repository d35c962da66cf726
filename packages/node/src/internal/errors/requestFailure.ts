import type { FailureDetails } from "@countersign/client/Transport"

/** The failure of a request over HTTP/2: the reason, the phase, and the cause. */
export class RequestFailure extends Error {
  override readonly name: string = "RequestFailure"
  override readonly cause: Error
  readonly details: FailureDetails

  constructor(details: FailureDetails, cause: Error) {
    super(cause.message)
    this.details = details
    this.cause = cause
  }
}
