/** The API that a token is for. */

/** The API as the token record stores it. A resource has no fragment (RFC 8707 §2), so it differs from any audience. */
export const audienceOf = ({
  audience,
  resource
}: {
  readonly audience?: string | undefined
  readonly resource?: string | undefined
}): string | undefined => resource ?? (audience === undefined ? undefined : `#${audience}`)
