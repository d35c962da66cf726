import * as Data from "effect/Data"

/** An error of RFC 6749 §5.2, by its code. */
export class Refusal extends Data.TaggedError("Refusal")<{
  readonly error: "invalid_request" | "invalid_client" | "invalid_grant" | "unsupported_grant_type" | "invalid_scope"
  readonly description: string
}> {}

export const refuse = (error: Refusal["error"], description: string): Refusal => new Refusal({ error, description })
