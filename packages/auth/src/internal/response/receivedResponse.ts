/** A response of an authorization server, with the parts that are read. */
import type { SentSecrets } from "./echoedSecrets.js"

export interface ServerResponse {
  /** The URL of the request. */
  readonly url: string
  readonly status: number
  readonly text: string
  /** The `Content-Type` header. */
  readonly contentType: string | undefined
  /** The `WWW-Authenticate` header. */
  readonly challenge: string | undefined
  /** The `Location` header. */
  readonly location: string | undefined
  /** When the server accepts the next request, in epoch milliseconds of this machine's clock. */
  readonly retryAt: number | undefined
  /** How far the server's clock is ahead of this machine's, in milliseconds. */
  readonly clockSkew: number | undefined
  /** The secrets of the request, which the server may repeat. */
  readonly secrets: SentSecrets
}

/** Whether the status is 2xx. */
export const isSuccess = ({ status }: Pick<ServerResponse, "status">): boolean => status >= 200 && status <= 299
