/** Responses of the servers in a case, and every request that they received. */
import type { Canary } from "./canary.js"
import { haystack, isIn } from "./canary.js"
import type { Cell, Server } from "./matrix.js"

/** A response, or a connection that is cut. */
export type Answer =
  { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string } | "cut"

/** A request as it was received: the origin, and the bytes as Latin-1. */
export interface Received {
  readonly origin: string
  readonly text: string
}

/** A case as its servers know it. */
export interface ServedCase {
  readonly cell: Cell
  /** Origins of the servers, as written in URLs. */
  readonly origins: Readonly<Record<Server, string>>
  /** What the first server quotes in its errors, if the request contains it. */
  readonly quoted: Canary | undefined
  /** Query of each Location: a value of the next server, which must not be printed. */
  readonly signature: Canary
  /** The cookie that the first server sets. */
  readonly cookie: string | undefined
}

const path = (id: number, step: number | string): string => `/leaks/${id}/${step}`

/** Base URL of a case. Below it, `/login` sets a cookie, and `/0` is the first hop. */
export const baseUrlOf = ({ cell, origins }: ServedCase): string => `${origins.a}/leaks/${cell.id}`

const locationOf = ({ cell, origins, signature }: ServedCase, hop: number): string => {
  const [here, there] = [cell.hops[hop - 1] ?? "a", cell.hops[hop] ?? "a"]
  const rest = `${path(cell.id, hop)}?signature=${signature.value}`
  if (here === there) return rest
  const origin = origins[there]
  const host = origin.slice(origin.indexOf("//") + 2)
  return cell.location === "absolute" || (here === "a") !== (there !== "a")
    ? origin + rest
    : cell.location.replace("host", host) + rest
}

const challenge: Readonly<Record<number, string>> = {
  401: 'Bearer realm="leaks", error="invalid_token"',
  403: 'Bearer error="insufficient_scope", scope="all"'
}

const errorOf = (status: number, quoted: string | undefined, wait: Readonly<Record<string, string>>): Answer => {
  const detail = quoted === undefined ? "no" : `not with ${quoted}`
  const authenticate = challenge[status]
  const headers = { ...wait, "content-type": "application/problem+json" }
  return {
    status,
    headers:
      authenticate === undefined
        ? headers
        : { ...headers, "www-authenticate": `${authenticate}, error_description="${detail}"` },
    body: JSON.stringify({ type: "about:blank", title: detail, detail, instance: detail, quoted })
  }
}

/** A pool may have switched keys: the server quotes the key that was received. */
const quotedOf = ({ cell, quoted }: ServedCase, hop: number, text: string): string | undefined => {
  if (quoted === undefined || cell.hops[hop] !== "a" || !isIn(quoted, haystack(text))) return undefined
  return text.includes(`next${quoted.value}`) ? `next${quoted.value}` : quoted.value
}

const answerOf = (play: ServedCase, hop: number, visit: number, text: string): Answer => {
  const { between, final, hops, status } = play.cell
  const quoted = quotedOf(play, hop, text)
  if (between?.hop === hop && visit === 0) return errorOf(between.status, quoted, { "retry-after-ms": "0" })
  if (hop < hops.length - 1) return { status, headers: { location: locationOf(play, hop + 1) }, body: "moved" }
  if (final === "cut") return final
  if (final === 200) return { status: final, headers: { "content-type": "text/plain" }, body: "done" }
  // Longer than the client waits.
  return errorOf(final, quoted, final === 429 ? { "retry-after": "3600" } : {})
}

const target = /^[A-Z]+ \/leaks\/(\d+)\/(\w+)/

/** The servers of many cases. */
export class FakeServers {
  readonly #plays = new Map<number, ServedCase>()
  readonly #visits = new Map<string, number>()
  #received: Array<Received> = []

  add(play: ServedCase): void {
    this.#plays.set(play.cell.id, play)
  }

  /** Returns the requests since the last call. */
  taken(): ReadonlyArray<Received> {
    const received = this.#received
    this.#received = []
    return received
  }

  /** Records a request, and returns the response. */
  take(received: Received): Answer {
    this.#received.push(received)
    const [, id, step = ""] = target.exec(received.text) ?? []
    const play = this.#plays.get(Number(id))
    if (play === undefined) return { status: 404, headers: {}, body: "" }
    if (step === "login") return { status: 200, headers: { "set-cookie": `${play.cookie}; Path=/` }, body: "welcome" }
    const visit = this.#visits.get(`${id}/${step}`) ?? 0
    this.#visits.set(`${id}/${step}`, visit + 1)
    return answerOf(play, Number(step), visit, received.text)
  }
}
