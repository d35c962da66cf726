import axios from "axios"
import axiosRetry, { exponentialDelay } from "axios-retry"
import { Agent } from "node:http"
import { ofPromise, type Case } from "../Case.js"
import { headers, timeout } from "../Payload.js"

/** axios, with two retries of axios-retry. */
export const axiosCase: Case = ({ url }) => {
  const client = axios.create({ headers, timeout, httpAgent: new Agent({ keepAlive: true }) })
  axiosRetry(client, { retries: 2, retryDelay: exponentialDelay })
  return Promise.resolve(ofPromise(async () => (await client.get<unknown>(url)).data))
}
