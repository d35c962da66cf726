/** Errors of authentication schemes that answer challenges. */
import * as Data from "effect/Data"

/**
 * The server offers only schemes or algorithms that are weaker than one it has accepted before, so the client does not answer.
 *
 * An attacker that changes responses can offer a weak scheme to get the password. After a change of the server's configuration,
 * build the client again.
 *
 * @since 0.1.0
 * @category errors
 */
export class SchemeDowngraded
  extends /* @__PURE__ */ Data.TaggedError("SchemeDowngraded")<{
    /** The origin of the server. */
    readonly origin: string
    /** The scheme that the server accepted before, such as `Digest SHA-256`. */
    readonly accepted: string
    /** The strongest scheme that it offers now. */
    readonly offered: string
    readonly message: string
  }>
{
  constructor(fields: Pick<SchemeDowngraded, "origin" | "accepted" | "offered">) {
    const { accepted, offered, origin } = fields
    super({
      ...fields,
      message: `The request was not authenticated: ${origin} offers ${offered} only, and has accepted ${accepted} before. If its configuration has changed, build the client again.`
    })
  }
}
