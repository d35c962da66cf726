/** The throttles of all processes: sends those of this process, and receives those of the others. */
import type { Cluster, Redis } from "ioredis"
import * as Scripts from "../scripts/script.js"
import * as ThrottleScripts from "./scripts.js"

/** A throttle: requests of an origin with a key wait. */
export interface SharedThrottle {
  readonly origin: string
  /** Hash of the origin, the account and the key. */
  readonly hash: string
  /** Milliseconds until it ends. */
  readonly ms: number
}

const memberOf = ({ hash, origin }: Omit<SharedThrottle, "ms">): string => `${hash} ${origin}`

const isOrigin = (text: string): boolean => URL.canParse(text) && new URL(text).origin === text

/** Parses a member. Another program may publish anything. */
const parse = (member: string, ms: number): SharedThrottle | undefined => {
  const [, hash = "", origin = ""] = /^([\w-]{22}) (\S{1,1000})$/.exec(member) ?? []
  return isOrigin(origin) && Number.isFinite(ms) && ms > 0 ? { origin, hash, ms } : undefined
}

/** Options of {@link SharedThrottles}. */
interface Options {
  readonly redis: Redis | Cluster
  /** Name of the sorted set and of the channel. */
  readonly name: string
  /** Random identifier of this process, to skip its own messages. */
  readonly self: string
  readonly maxMs: number
  readonly maxKeys: number
  readonly monotonic: () => number
  readonly onThrottle: (throttle: SharedThrottle) => void
}

/** Sends and receives throttles. A failure of Redis has no effect: the throttle of each process is complete without it. */
export class SharedThrottles {
  readonly #options: Options
  /** The end of each throttle that this process has, by member, on the monotonic clock. */
  readonly #ends = new Map<string, number>()

  constructor(options: Options) {
    this.#options = options
  }

  /** A response has started a throttle in this process. Sends it, at most for the maximum. Does not wait. */
  send(throttle: SharedThrottle): void {
    const { maxMs, name, redis, self } = this.#options
    const member = memberOf(throttle)
    this.#isNew(member, throttle.ms)
    const ms = Math.ceil(Math.min(throttle.ms, maxMs))
    Scripts.call(redis, ThrottleScripts.start, name, [member, ms, `${self} ${ms} ${member}`]).catch(() => undefined)
  }

  /** Receives a message of the channel. */
  receive(message: string): void {
    const [, sender = "", ms = "", member = ""] = /^(\S+) (\d{1,15}) (.*)$/.exec(message) ?? []
    if (sender !== this.#options.self) this.#apply(parse(member, Number(ms)))
  }

  /** Reads the throttles that were sent before this process was subscribed, or while it was not connected. */
  async read(): Promise<void> {
    const { maxKeys, name, redis } = this.#options
    const script = await Scripts.call(redis, ThrottleScripts.active, name, [maxKeys])
    const found: ReadonlyArray<unknown> = Array.isArray(script) ? script : []
    for (let index = 0; index + 1 < found.length; index += 2) {
      this.#apply(parse(String(found[index]), Number(found[index + 1])))
    }
  }

  #apply(throttle: SharedThrottle | undefined): void {
    if (throttle === undefined) return
    const ms = Math.min(throttle.ms, this.#options.maxMs)
    if (this.#isNew(memberOf(throttle), ms)) this.#options.onThrottle({ ...throttle, ms })
  }

  /** Whether a throttle ends later than the one that this process has. A repeated start would count as a further 429. */
  #isNew(member: string, ms: number): boolean {
    const now = this.#options.monotonic()
    const known = this.#ends.get(member) ?? 0
    if (now + ms <= known + 100) return false
    for (const [other, end] of this.#ends) if (end <= now) this.#ends.delete(other)
    if (this.#ends.size < this.#options.maxKeys) this.#ends.set(member, now + ms)
    return true
  }
}
