/** A token endpoint and an API on loopback, which record the requests that they receive. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import { setTimeout } from "node:timers/promises"
import { closed, listening } from "../../src/Listening.js"

/** A request that the server received. */
export interface Received {
  /** When it was received and answered, in milliseconds of one monotonic clock. */
  readonly receivedAt: number
  answeredAt: number | undefined
  /** The status of the answer. */
  status: number | undefined
  /** Whether the client closed the connection before the answer. */
  isAborted: boolean
}

export interface Options {
  /** Lifetime of a token, in seconds (3600). */
  readonly expiresIn?: number | undefined
  /** How long the token endpoint takes for its nth request, from 1, in milliseconds. */
  readonly tokenDelay?: ((nth: number) => number) | undefined
  /** The API's status for its nth request, from 1 (200 after 20 ms). */
  readonly status?: ((nth: number) => Promise<number>) | undefined
  /** `Retry-After` of a 429, in seconds (1). */
  readonly retryAfter?: number | undefined
}

export interface Backend {
  readonly url: string
  /** Requests to the token endpoint. */
  readonly tokenRequests: ReadonlyArray<Received>
  /** Requests to the API. */
  readonly requests: ReadonlyArray<Received>
  /** How many API requests were received and neither answered nor aborted, at most. */
  readonly mostAtOnce: () => number
}

/** Tokens by the time at which they expire. */
type Tokens = Map<string, number>

const record = (list: Array<Received>, outgoing: Http.ServerResponse): Received => {
  const received: Received = {
    receivedAt: performance.now(),
    answeredAt: undefined,
    status: undefined,
    isAborted: false
  }
  outgoing.on("close", () => {
    received.isAborted = !outgoing.writableFinished
  })
  list.push(received)
  return received
}

const send = (received: Received, outgoing: Http.ServerResponse, status: number, body: object, wait?: number): void => {
  if (received.isAborted) return
  received.status = status
  received.answeredAt = performance.now()
  const retryAfter = wait === undefined ? {} : { "retry-after": `${wait}` }
  outgoing.writeHead(status, { "content-type": "application/json", "cache-control": "no-store", ...retryAfter })
  outgoing.end(JSON.stringify(body))
}

const isValid = (tokens: Tokens, authorization: string | undefined): boolean => {
  const token = /^Bearer (.+)$/.exec(authorization ?? "")?.[1] ?? ""
  return token === "fixed" || (tokens.get(token) ?? 0) > performance.now()
}

const defaultStatus = (): Promise<number> => setTimeout(20, 200)

/** Starts both on one port. They stop with the scope. */
export const make = ({
  expiresIn = 3600,
  retryAfter = 1,
  status = defaultStatus,
  tokenDelay = () => 100
}: Options = {}): Effect.Effect<Backend, never, Scope.Scope> =>
  Effect.gen(function* () {
    const tokens: Tokens = new Map()
    const tokenRequests: Array<Received> = []
    const requests: Array<Received> = []
    let mostAtOnce = 0

    const issue = async (outgoing: Http.ServerResponse): Promise<void> => {
      const received = record(tokenRequests, outgoing)
      const token = `token-${tokenRequests.length}`
      await setTimeout(tokenDelay(tokenRequests.length))
      tokens.set(token, performance.now() + expiresIn * 1000)
      send(received, outgoing, 200, { access_token: token, token_type: "Bearer", expires_in: expiresIn })
    }
    const answer = async ({ headers }: Http.IncomingMessage, outgoing: Http.ServerResponse): Promise<void> => {
      const received = record(requests, outgoing)
      const underWay = requests.filter((one) => one.status === undefined && !one.isAborted)
      mostAtOnce = Math.max(mostAtOnce, underWay.length)
      const found = isValid(tokens, headers.authorization) ? await status(requests.length) : 401
      send(received, outgoing, found, {}, found === 429 ? retryAfter : undefined)
    }
    const server = yield* Effect.acquireRelease(
      Effect.sync(() =>
        Http.createServer((incoming, outgoing) => {
          void (incoming.url === "/token" ? issue(outgoing) : answer(incoming, outgoing))
        })
      ),
      closed
    )
    const url = `http://127.0.0.1:${yield* listening(server, 0)}`
    return { url, tokenRequests, requests, mostAtOnce: () => mostAtOnce }
  })
