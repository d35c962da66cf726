/** The credential id of a signed request. */

/** What the signature of a request depended on. */
export interface Credential {
  readonly origin: string
  /** The offset of the server's clock, in milliseconds. */
  readonly skewMs: number
  /** The demand of the server that was remembered. 0 for none. */
  readonly demandId: number
}

/** Encodes the credential id as a text. An origin contains no space. */
export const write = ({ demandId, origin, skewMs }: Credential): string => `${skewMs} ${demandId} ${origin}`

/** Decodes the text of {@link write}. */
export const read = (credential: string | number): Credential => {
  const [skewMs, demandId, origin = ""] = String(credential).split(" ")
  return { skewMs: Number(skewMs), demandId: Number(demandId), origin }
}
