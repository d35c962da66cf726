/** Which API a token is for. */

/** As its record says it. A resource has no fragment (RFC 8707 §2): it is never taken for an audience. */
export const apiOf = ({
  audience,
  resource
}: {
  readonly audience?: string | undefined
  readonly resource?: string | undefined
}): string | undefined => resource ?? (audience === undefined ? undefined : `#${audience}`)
