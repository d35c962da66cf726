/** The credential id of a signed request. */
import * as SignedTime from "../schemes/signedTime.js"

/** What the signature of a request depended on. */
export interface Credential extends SignedTime.SignedTime {
  /** The demand of the server that was remembered. 0 for none. */
  readonly demandId: number
}

/** Encodes the credential id as a text. */
export const write = (credential: Credential): string => `${SignedTime.write(credential)} ${credential.demandId}`

/** Decodes the text of {@link write}. */
export const read = (credential: string | number): Credential => {
  const [, , demandId] = String(credential).split(" ")
  return { ...SignedTime.read(credential), demandId: Number(demandId) }
}
