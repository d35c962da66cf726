import ky from "ky"
import { ofPromise, type Case } from "../Case.js"
import { headers, timeout } from "../Payload.js"

/** ky, with two retries. */
export const kyCase: Case = ({ url }) => {
  const client = ky.create({ headers, timeout, retry: { limit: 2 } })
  return Promise.resolve(ofPromise(() => client.get(url).json()))
}
