/** Finds the stored responses of requests. */
import type { Exchange, Request, Response } from "./recording.js"
import { sorted } from "./json.js"

/** Equal requests have an equal key, whatever the order of the members of their body. */
const keyOf = ({ body, method, url }: Request): string => JSON.stringify([method, url, sorted(body ?? null)])

/** The stored responses that were not used yet, in the order of the recording. */
export class Playback {
  readonly #responses = new Map<string, Array<Response>>()
  readonly #requests: ReadonlyArray<Request>
  readonly #used = new Map<string, number>()

  constructor(exchanges: ReadonlyArray<Exchange>) {
    this.#requests = exchanges.map(({ request }) => request)
    for (const { request, response } of exchanges) {
      const key = keyOf(request)
      const list = this.#responses.get(key)
      if (list === undefined) this.#responses.set(key, [response])
      else list.push(response)
    }
  }

  /** The next response to a request. */
  next(request: Request): Response | undefined {
    const key = keyOf(request)
    const used = this.#used.get(key) ?? 0
    this.#used.set(key, used + 1)
    return this.#responses.get(key)?.[used]
  }

  /** Why a request has no response. */
  problem(request: Request): string {
    const times = this.#responses.get(keyOf(request))?.length
    if (times !== undefined) return `was recorded ${times === 1 ? "once" : `${times} times`}, and is sent once more`
    return this.#requests.some(({ method, url }) => method === request.method && url === request.url)
      ? "was recorded with another body"
      : "was not recorded"
  }
}
