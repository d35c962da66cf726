import { ofetch } from "ofetch"
import { ofPromise, type Case } from "../Case.js"
import { headers, timeout } from "../Payload.js"

/** ofetch, with two retries. */
export const ofetchCase: Case = ({ url }) => {
  const client = ofetch.create({ headers, timeout, retry: 2 })
  return Promise.resolve(ofPromise(() => client(url)))
}
