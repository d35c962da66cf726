import got from "got"
import { Agent } from "node:http"
import { ofPromise, type Case } from "../Case.js"
import { headers, timeout } from "../Payload.js"

/** got, with two retries. */
export const gotCase: Case = ({ url }) => {
  const agent = new Agent({ keepAlive: true })
  const client = got.extend({ agent: { http: agent }, headers, timeout: { request: timeout }, retry: { limit: 2 } })
  return Promise.resolve(ofPromise(() => client(url).json()))
}
