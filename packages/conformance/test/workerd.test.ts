// The bundled packages in workerd, which runs no continuation of one request within another. If the requests of an isolate
// share a client, all of them must get a response.
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { once } from "node:events"
import * as Http from "node:http"
import { setTimeout } from "node:timers/promises"
import * as Backend from "./support/backend.js"
import * as Workerd from "./support/workerd.js"

/** For how long a test waits for one response, in milliseconds. */
const patience = 90_000

/** The status of a response, with the text of an error; or why there is none. */
const call = async (url: string): Promise<string> => {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(patience) })
    const text = await response.text()
    return response.ok ? `${response.status}` : `${response.status} ${text.split("\n")[0]}`
  } catch (error) {
    return `no response: ${String(error)}`
  }
}

const calls = (url: string, count: number): Promise<ReadonlyArray<string>> =>
  Promise.all(Array.from({ length: count }, () => call(url)))

const isSettled = ({ isAborted, status }: Backend.Received): boolean => isAborted || status !== undefined

const ok = (count: number): ReadonlyArray<string> => Array.from({ length: count }, () => "200")

/** Checks every 20 ms until the condition is true. */
const until = async (isTrue: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await isTrue())) await setTimeout(20)
}

/** How many calls the worker of a URL has started. */
const started = async (url: string): Promise<number> => Number(await (await fetch(new URL("/started", url))).text())

/** A request in the worker. Its connection can be reset: workerd does not notice one that is only closed. */
const begin = async (url: string): Promise<{ readonly reset: () => Promise<void> }> => {
  const before = await started(url)
  const request = Http.get(url, { agent: false })
  const outcome = once(request, "response").then(
    () => "a response",
    () => "no response"
  )
  await until(async () => (await started(url)) > before)
  const reset = async () => {
    request.socket?.resetAndDestroy()
    expect(await outcome).toBe("no response")
  }
  return { reset }
}

/** A worker with a client, and its own isolate, token endpoint and API. */
const isolate = (route: "/shared" | "/kept" | "/limited" | "/brief" | "/control", options?: Backend.Options) =>
  Effect.gen(function* () {
    const backend = yield* Backend.make(options)
    const url = yield* Workerd.serve("sharing", { BACKEND: backend.url })
    return { backend, url: `${url}${route}` }
  })

/** Repeats calls until the condition is true. Each call must succeed. */
const callUntil = async (url: string, isTrue: () => boolean): Promise<void> => {
  while (!isTrue()) {
    expect(await call(url)).toBe("200")
    await setTimeout(100)
  }
}

/**
 * Calls near the end of a token's lifetime, until a background refresh is lost. On a busy machine a call can be too late for
 * one: then it waits for the refresh, and the next token is tried.
 */
const loseRefresh = async ({ tokenRequests }: Backend.Backend, url: string, lifetime: number) => {
  for (;;) {
    const count = tokenRequests.length
    const issuedAt = tokenRequests.at(-1)?.answeredAt ?? 0
    await setTimeout(issuedAt + 0.75 * lifetime * 1000 - performance.now())
    await callUntil(url, () => tokenRequests.length > count)
    await until(() => tokenRequests.every(isSettled))
    const lost = tokenRequests.find(({ isAborted }) => isAborted)
    if (lost !== undefined) return { lost, expiresAt: issuedAt + lifetime * 1000 }
  }
}

// Five tests run at a time: the longest are the first.
describe.concurrent("requests of one isolate", () => {
  it.scopedLive("succeed after a background refresh was lost with the request that started it", () =>
    Effect.gen(function* () {
      const lifetime = 20
      let isSlow = false
      const { backend, url } = yield* isolate("/shared", {
        expiresIn: lifetime,
        tokenDelay: () => (isSlow ? 3000 : 100)
      })
      expect(yield* Effect.promise(() => call(url))).toBe("200")
      isSlow = true
      const tokens = yield* Effect.promise(() => loseRefresh(backend, url, lifetime))
      isSlow = false
      // The refresh began while the token was valid, and the runtime canceled it with its request.
      expect(tokens.lost.receivedAt).toBeLessThan(tokens.expiresAt)
      yield* Effect.promise(() => setTimeout(tokens.expiresAt - performance.now() + 200))

      const count = backend.tokenRequests.length
      expect(yield* Effect.promise(() => calls(url, 5))).toEqual(ok(5))
      expect(yield* Effect.promise(() => call(url))).toBe("200")
      expect(backend.tokenRequests.length).toBe(count + 1)
    })
  )

  it.scopedLive("end a background refresh after their response, if `WaitUntil` is provided", () =>
    Effect.gen(function* () {
      const lifetime = 10
      const { backend, url } = yield* isolate("/kept", { expiresIn: lifetime, tokenDelay: () => 1500 })
      const { tokenRequests } = backend
      expect(yield* Effect.promise(() => call(url))).toBe("200")
      const issuedAt = tokenRequests.at(-1)?.answeredAt ?? 0
      yield* Effect.promise(() => setTimeout(issuedAt + 0.8 * lifetime * 1000 - performance.now()))
      yield* Effect.promise(() => callUntil(url, () => tokenRequests.length === 2))
      // No request follows that could end the refresh.
      yield* Effect.promise(() => until(() => tokenRequests.every(isSettled)))
      expect(tokenRequests.map(({ isAborted }) => isAborted)).toEqual([false, false])
    })
  )

  it.scopedLive("succeed again if a client disconnects while its request has the only permit", () =>
    Effect.gen(function* () {
      const { backend, url } = yield* isolate("/brief", { status: (nth) => setTimeout(nth === 2 ? 3000 : 20, 200) })
      expect(yield* Effect.promise(() => call(url))).toBe("200")
      const holder = yield* Effect.promise(() => begin(url))
      yield* Effect.promise(() => until(() => backend.requests.length === 2))
      yield* Effect.promise(holder.reset)
      yield* Effect.promise(() => until(() => backend.requests.every(isSettled)))
      expect(backend.requests).toMatchObject([{ status: 200 }, { isAborted: true, status: undefined }])

      yield* Effect.promise(() => until(async () => (await call(url)) === "200"))
      expect(yield* Effect.promise(() => calls(url, 5))).toEqual(ok(5))
      expect(backend.mostAtOnce()).toBe(1)
    })
  )

  it.scopedLive("succeed without a client that they share (control)", () =>
    Effect.gen(function* () {
      const { backend, url } = yield* isolate("/control")
      expect(yield* Effect.promise(() => calls(url, 20))).toEqual(ok(20))
      expect(backend.requests.length).toBe(20)
    })
  )

  it.scopedLive("share one token request when 20 calls find no token", () =>
    Effect.gen(function* () {
      const { backend, url } = yield* isolate("/shared", { tokenDelay: () => 500 })
      expect(yield* Effect.promise(() => calls(url, 20))).toEqual(ok(20))
      expect(yield* Effect.promise(() => call(url))).toBe("200")
      expect(backend.tokenRequests.length).toBe(1)
      expect(backend.requests.map(({ status }) => status)).toEqual(Array.from({ length: 21 }, () => 200))
    })
  )

  it.scopedLive("succeed if a client disconnects during the token request that its call started", () =>
    Effect.gen(function* () {
      const { backend, url } = yield* isolate("/shared", { tokenDelay: (nth) => (nth === 1 ? 4000 : 100) })
      const leader = yield* Effect.promise(() => begin(url))
      yield* Effect.promise(() => until(() => backend.tokenRequests.length > 0))
      const others = calls(url, 5)
      yield* Effect.promise(() => until(async () => (await started(url)) === 6))
      yield* Effect.promise(leader.reset)
      yield* Effect.promise(() => until(() => backend.tokenRequests.every(isSettled)))
      expect(backend.tokenRequests).toMatchObject([{ isAborted: true, status: undefined }])

      expect(yield* Effect.promise(() => others)).toEqual(ok(5))
      expect(yield* Effect.promise(() => call(url))).toBe("200")
      expect(backend.tokenRequests.length).toBe(2)
    })
  )

  it.scopedLive("run one at a time if the limit of the client is 1", () =>
    Effect.gen(function* () {
      const { backend, url } = yield* isolate("/limited")
      expect(yield* Effect.promise(() => call(url))).toBe("200")
      expect(yield* Effect.promise(() => calls(url, 20))).toEqual(ok(20))
      expect(yield* Effect.promise(() => call(url))).toBe("200")
      expect(backend.mostAtOnce()).toBe(1)
      expect(backend.requests.length).toBe(22)
    })
  )

  it.scopedLive("succeed if a client disconnects while its request waits for a permit", () =>
    Effect.gen(function* () {
      const { backend, url } = yield* isolate("/limited", { status: (nth) => setTimeout(nth === 2 ? 5000 : 20, 200) })
      expect(yield* Effect.promise(() => call(url))).toBe("200")
      const first = call(url)
      yield* Effect.promise(() => until(() => backend.requests.length === 2))
      const second = yield* Effect.promise(() => begin(url))
      const others = calls(url, 5)
      yield* Effect.promise(() => until(async () => (await started(url)) === 8))
      yield* Effect.promise(second.reset)
      expect(backend.requests.map(({ status }) => status)).toEqual([200, undefined])

      expect(yield* Effect.promise(() => first)).toBe("200")
      expect(yield* Effect.promise(() => others)).toEqual(ok(5))
      expect(yield* Effect.promise(() => call(url))).toBe("200")
      expect(backend.mostAtOnce()).toBe(1)
      // The request of the disconnected client was never sent.
      expect(backend.requests.length).toBe(8)
    })
  )

  it.scopedLive("wait for Retry-After when 2 of 20 calls receive a 429", () =>
    Effect.gen(function* () {
      let answer = () => {}
      const gate = new Promise<void>((resolve) => (answer = resolve))
      const { backend, url } = yield* isolate("/shared", {
        // Requests 2 to 11 are answered together, so that each of them was sent before a 429 was received.
        status: async (nth) => {
          if (nth === 11) answer()
          if (nth > 1 && nth <= 11) await gate
          return nth === 2 || nth === 3 ? 429 : 200
        }
      })
      expect(yield* Effect.promise(() => call(url))).toBe("200")
      const first = calls(url, 10)
      yield* Effect.promise(() => gate)
      yield* Effect.sleep(100)
      const second = calls(url, 10)
      expect([...(yield* Effect.promise(() => first)), ...(yield* Effect.promise(() => second))]).toEqual(ok(20))
      expect(yield* Effect.promise(() => call(url))).toBe("200")

      const limited = backend.requests.filter(({ status }) => status === 429)
      expect(limited.length).toBe(2)
      const later = backend.requests.slice(11)
      expect(later.map(({ status }) => status)).toEqual(Array.from({ length: 13 }, () => 200))
      // The worker's clock has whole milliseconds.
      const opensAt = Math.max(...limited.map(({ answeredAt = 0 }) => answeredAt)) + 999
      expect(later.filter(({ receivedAt }) => receivedAt < opensAt)).toEqual([])
    })
  )

  it.scopedLive("succeed if a client disconnects while its request waits for Retry-After", () =>
    Effect.gen(function* () {
      const { backend, url } = yield* isolate("/shared", {
        retryAfter: 4,
        status: (nth) => setTimeout(20, nth === 2 ? 429 : 200)
      })
      expect(yield* Effect.promise(() => call(url))).toBe("200")
      const first = call(url)
      yield* Effect.promise(() => until(() => backend.requests[1]?.status === 429))
      yield* Effect.sleep(100)
      const second = yield* Effect.promise(() => begin(url))
      const others = calls(url, 5)
      yield* Effect.promise(() => until(async () => (await started(url)) === 8))
      yield* Effect.promise(second.reset)
      expect(backend.requests.map(({ status }) => status)).toEqual([200, 429])

      expect(yield* Effect.promise(() => first)).toBe("200")
      expect(yield* Effect.promise(() => others)).toEqual(ok(5))
      expect(yield* Effect.promise(() => call(url))).toBe("200")
      // The request of the disconnected client was never sent.
      expect(backend.requests.length).toBe(9)
    })
  )
})
