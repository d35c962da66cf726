import type { TransportProxy, TransportReason } from "../../Errors.js"
import { ErrorMap } from "../runtime/platform.js"

/**
 * How far a request got before it failed.
 *
 * - `connecting`: no connection was established.
 * - `connected`: a connection was established, and nothing of the request was written.
 * - `written`: some of the request may have been written, so the server may have processed it.
 * - `unprocessed`: the request was written, and the server reported that it did not process it (RFC 9113 §8.7, §6.8).
 */
export type SendPhase = "connecting" | "connected" | "written" | "unprocessed"

/** Details of a failed request from its transport. See `Transport.FailureDetails`. */
export interface FailureDetails {
  /** How far the request got. It decides `sent` of the `TransportError`. */
  readonly phase: SendPhase
  /** The reason of the `TransportError`. By default it follows from the code of the error. */
  readonly reason?: TransportReason | undefined
  /** The code of the `TransportError`. By default that of the error. */
  readonly code?: string | undefined
  /** The detail of the `TransportError`, in words that contain no secret. */
  readonly detail?: string | undefined
  /** The proxy that was used. */
  readonly proxy?: TransportProxy | undefined
}

/**
 * The details of a platform error, and the original error. Stored outside the platform error, because printers show its
 * fields, and the cause may contain secrets.
 */
interface RecordedFailure {
  readonly details: FailureDetails | undefined
  readonly cause: unknown
}

const failures: WeakMap<object, RecordedFailure> = /* @__PURE__ */ new ErrorMap()

/** Stores the details of a failed request for its error. */
export const describeFailure = <E extends object>(error: E, details: FailureDetails): E => {
  failures.set(error, { details, cause: originalCause(error) })
  return error
}

/** The error that the platform's error was made from. */
const originalCause = (error: object): unknown =>
  failures.get(error)?.cause ?? ("cause" in error ? error.cause : undefined)

/** The details from the transport, and the original error. */
export const recordedFailureOf = (error: object): RecordedFailure =>
  failures.get(error) ?? { details: undefined, cause: originalCause(error) }

/** Copies the record of one error to the error that replaces it. */
export const copyFailure = <E extends object>(from: object, to: E): E => {
  failures.set(to, recordedFailureOf(from))
  return to
}
