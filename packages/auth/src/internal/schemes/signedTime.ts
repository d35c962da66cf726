/** The time by which a request was signed, as the credential id of the request. */

/** The server, and by how much the clock of this machine was corrected for it. */
export interface SignedTime {
  readonly origin: string
  /** The offset of the server's clock, in milliseconds. */
  readonly skewMs: number
}

/** Encodes the time as a text. An origin contains no space. */
export const write = ({ origin, skewMs }: SignedTime): string => `${skewMs} ${origin}`

/** Decodes the text of {@link write}, which further words may follow. */
export const read = (credential: string | number): SignedTime => {
  const [skewMs, origin = ""] = String(credential).split(" ")
  return { skewMs: Number(skewMs), origin }
}
