import type { TransportProxy, TransportReason } from "../../Errors.js"

/**
 * How far a request had come when it failed.
 *
 * - `connecting`: no connection was established.
 * - `connected`: a connection was established, and nothing of the request was written.
 * - `written`: some of the request may have been written, so the server may have acted on it.
 * - `unprocessed`: it was written, and the server said that it did not process it (RFC 9113 §8.7, §6.8).
 */
export type SendPhase = "connecting" | "connected" | "written" | "unprocessed"

/** What a transport knows of a failed request. See `Transport.FailureDetails`, which is this. */
export interface FailureDetails {
  readonly phase: SendPhase
  readonly reason?: TransportReason | undefined
  readonly code?: string | undefined
  readonly detail?: string | undefined
  readonly proxy?: TransportProxy | undefined
}

/**
 * The details of an error of the platform, and the error that caused it. Kept beside the error, because its own fields
 * are shown by printers, and the cause may hold what must not be printed.
 */
interface RecordedFailure {
  readonly details: FailureDetails | undefined
  readonly cause: unknown
}

const failures: WeakMap<object, RecordedFailure> = new WeakMap()

/** Keeps the details of a failed request beside its error. */
export const describeFailure = <E extends object>(error: E, details: FailureDetails): E => {
  failures.set(error, { details, cause: originalCause(error) })
  return error
}

/** The original error: what the platform's error was made from. */
const originalCause = (error: object): unknown =>
  failures.get(error)?.cause ?? ("cause" in error ? error.cause : undefined)

/** The details that a transport gave, and the original error. */
export const recordedFailureOf = (error: object): RecordedFailure =>
  failures.get(error) ?? { details: undefined, cause: originalCause(error) }

/** Copies what is known of one error to the error that replaces it. */
export const copyFailure = <E extends object>(from: object, to: E): E => {
  failures.set(to, recordedFailureOf(from))
  return to
}
