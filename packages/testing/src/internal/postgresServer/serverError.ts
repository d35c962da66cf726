import * as Data from "effect/Data"

/**
 * A PostgreSQL server, or a PgBouncer, did not start.
 *
 * - `BinaryMissing`: its programs are not installed.
 * - `StartFailed`: the program ended, or was not ready in time.
 *
 * @since 0.1.0
 * @category errors
 */
export class PostgresServerError extends Data.TaggedError("PostgresServerError")<{
  readonly reason: "BinaryMissing" | "StartFailed"
  readonly detail: string
  readonly message: string
}> {
  constructor(fields: Pick<PostgresServerError, "reason" | "detail">) {
    super({ ...fields, message: `The server did not start: ${fields.detail}.` })
  }
}

/** The error for programs that are not installed in one folder. */
export const missing = (programs: ReadonlyArray<string>, advice: string): PostgresServerError =>
  new PostgresServerError({
    reason: "BinaryMissing",
    detail: `\`${programs.join("` and `")}\` ${programs.length === 1 ? "is" : "are"} not installed. ${advice}`
  })

/** The error for a program that ended, or that cannot be started. */
export const failed = (detail: string): PostgresServerError =>
  new PostgresServerError({ reason: "StartFailed", detail })
