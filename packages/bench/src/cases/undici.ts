import { Agent, request } from "undici"
import { ofPromise, type Case } from "../Case.js"
import { headers } from "../Payload.js"

const agentOf = (connections: number | undefined): Agent =>
  new Agent({ connections: connections ?? null, keepAliveTimeout: 60_000 })

/** `undici.request` with the JSON parsed: the baseline of all cases. */
export const undiciRequest: Case = ({ connections, url }) => {
  const dispatcher = agentOf(connections)
  const call = async (): Promise<unknown> => {
    const { body, statusCode } = await request(url, { dispatcher, headers })
    if (statusCode === 200) return body.json()
    await body.dump()
    throw new Error(`status ${statusCode}`)
  }
  return Promise.resolve(ofPromise(call, () => dispatcher.destroy()))
}

/** `undici.dispatch` with callbacks: no stream, and one promise for each call. */
export const undiciDispatch: Case = ({ connections, url }) => {
  const dispatcher = agentOf(connections)
  const { origin, pathname } = new URL(url)
  const call = () =>
    new Promise<unknown>((resolve, reject) => {
      const pieces: Array<Buffer> = []
      dispatcher.dispatch(
        { origin, path: pathname, method: "GET", headers },
        {
          onConnect: () => undefined,
          onHeaders: () => true,
          onData: (piece) => {
            pieces.push(piece)
            return true
          },
          onComplete: () => {
            const [first] = pieces
            const whole = pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces)
            resolve(JSON.parse(whole.toString()))
          },
          onError: reject
        }
      )
    })
  return Promise.resolve(ofPromise(call, () => dispatcher.destroy()))
}
