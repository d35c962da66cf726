import type { FailureDetails } from "@countersign/client/Transport"

/** Why a request over HTTP/2 failed, how far it had come, and the error that caused it. */
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
