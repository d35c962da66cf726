import * as Data from "effect/Data"

/** The own error of an authentication scheme. */
export class SchemeError extends Data.TaggedError("SchemeError")<{ readonly message: string }> {}
