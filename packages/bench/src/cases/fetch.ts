import { ofPromise, type Case } from "../Case.js"
import { headers, timeout } from "../Payload.js"

/** Node's own `fetch`. It has no retry; its timeout is a signal for each call. */
export const nativeFetch: Case = ({ url }) => {
  const call = async (): Promise<unknown> => {
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(timeout) })
    if (!response.ok) throw new Error(`status ${response.status}`)
    return response.json()
  }
  return Promise.resolve(ofPromise(call))
}
