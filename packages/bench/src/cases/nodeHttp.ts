import { Agent, get } from "node:http"
import { ofPromise, type Case } from "../Case.js"
import { headers, timeout } from "../Payload.js"

/** `node:http` with a keep-alive agent and a timeout. */
export const nodeHttp: Case = ({ connections, url }) => {
  const agent = new Agent({ keepAlive: true, maxSockets: connections ?? Number.POSITIVE_INFINITY })
  const call = () =>
    new Promise<unknown>((resolve, reject) => {
      const request = get(url, { agent, headers, timeout }, (response) => {
        let text = ""
        response.setEncoding("utf8")
        response.on("data", (piece: string) => (text += piece))
        response.on("end", () => {
          if (response.statusCode === 200) resolve(JSON.parse(text))
          else reject(new Error(`status ${response.statusCode}`))
        })
        response.on("error", reject)
      })
      request.on("timeout", () => request.destroy(new Error("timeout")))
      request.on("error", reject)
    })
  return Promise.resolve(
    ofPromise(call, () => {
      agent.destroy()
      return Promise.resolve()
    })
  )
}
