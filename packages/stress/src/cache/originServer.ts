/** A server with versions of its resources. It remembers what it sent to which account, and when that may be used again. */
import * as CacheControl from "@countersign/protocol/CacheControl"
import type { ModelClock } from "./modelClock.js"
import type { Call, Scenario } from "./scenario.js"

/** A request as it arrives. */
export interface Arrived {
  readonly method: string
  readonly url: URL
  readonly account: string
  readonly language: string
  readonly ifNoneMatch: string | undefined
}

/** What the server answers. Undefined if the connection breaks. */
export type Reply = { readonly status: number; readonly headers: Record<string, string>; readonly body: string }

/** One response or confirmation of an answer: until when it may be used. */
interface Grant {
  readonly nth: number
  readonly at: number
  readonly isRead: boolean
  readonly directives: CacheControl.Directives
  readonly isReusable: boolean
}

/** The content of a resource for an account and a language. */
interface Answer {
  readonly account: string
  readonly url: string
  readonly language: string | undefined
  readonly version: number
  readonly grants: Array<Grant>
}

/** Why a client should not have got an answer. */
export type Fault = "invented" | "foreign" | "mixed" | "outdated" | "old"

/** When a call began, and the version that an earlier change of the same client made. */
export interface Begun {
  readonly call: Call
  readonly nth: number
  readonly minVersion: number
}

const seconds = (directives: CacheControl.Directives, name: string): number =>
  1000 * (CacheControl.seconds(directives, name) ?? 0)

const maxOf = (asked: CacheControl.Directives, name: string): number =>
  asked.get(name) === "" ? Number.POSITIVE_INFINITY : seconds(asked, name)

/** Maximum age of a stale answer. None, if the server wants each use to be validated. */
const staleMs = (directives: CacheControl.Directives, asked: CacheControl.Directives, isDown: boolean): number =>
  directives.has("must-revalidate") || directives.has("no-cache")
    ? 0
    : Math.max(
        seconds(directives, "stale-while-revalidate"),
        asked.has("max-stale") ? maxOf(asked, "max-stale") : 0,
        isDown ? seconds(directives, "stale-if-error") : 0
      )

/** Bodies of different sizes, up to more than the cache stores of one. */
const paddingOf = (key: string): string => {
  let hash = 7
  for (let at = 0; at < key.length; at++) hash = (hash * 31 + key.charCodeAt(at)) % 65_537
  return key.slice(-1).repeat(hash % 2800)
}

/** Of five versions of a resource, one is an error. */
const statusOf = (version: number): number => [200, 200, 404, 200, 410][version % 5] ?? 200

export class OriginServer {
  readonly #scenario: Scenario
  readonly #clock: ModelClock
  readonly #versions = new Map<string, number>()
  readonly #answers = new Map<string, Answer>()
  isDown = false
  /** Requests so far. */
  count = 0
  confirmed = 0

  constructor(scenario: Scenario, clock: ModelClock) {
    this.#scenario = scenario
    this.#clock = clock
  }

  versionOf(url: string): number {
    return this.#versions.get(url) ?? 0
  }

  /** Undefined if the connection breaks. A change may have been made then. */
  reply(request: Arrived): Reply | undefined {
    this.count += 1
    const isRead = request.method === "GET" || request.method === "HEAD"
    if (this.isDown) return this.count % 2 === 0 ? undefined : { status: 503, headers: {}, body: "" }
    return isRead ? this.#read(request) : this.#change(request)
  }

  #change({ url }: Arrived): Reply | undefined {
    const at = url.pathname + url.search
    if (this.count % 5 === 0) return { status: 422, headers: {}, body: "" }
    this.#versions.set(at, this.versionOf(at) + 1)
    return this.count % 7 === 0
      ? undefined
      : { status: 204, headers: { "x-version": String(this.versionOf(at)) }, body: "" }
  }

  #read({ account, ifNoneMatch, language, method, url }: Arrived): Reply {
    const at = url.pathname + url.search
    const resource = this.#scenario.resources.get(at)
    const vary = resource?.vary
    const version = this.versionOf(at)
    const answer = this.#answerOf({ account, url: at, language: vary === undefined ? undefined : language, version })
    const controls = resource?.control ?? []
    const control = controls[this.count % controls.length] ?? "no-store"
    const etag = `"${encodeURIComponent(keyOf(answer))}"`
    const headers = {
      "cache-control": control,
      ...(vary !== undefined && { vary }),
      ...(resource?.hasEtag === true && { etag }),
      "x-key": keyOf(answer)
    }
    const status = statusOf(version)
    answer.grants.push({
      nth: this.count,
      at: this.#clock.passed,
      isRead: method === "GET",
      directives: CacheControl.parse(control),
      isReusable: vary !== "*"
    })
    if (status === 200 && resource?.hasEtag === true && ifNoneMatch === etag) {
      this.confirmed += 1
      return { status: 304, headers, body: "" }
    }
    return { status, headers, body: method === "HEAD" ? "" : bodyOf(keyOf(answer)) }
  }

  #answerOf(fresh: Omit<Answer, "grants">): Answer {
    const key = keyOf(fresh)
    const known = this.#answers.get(key)
    if (known !== undefined) return known
    const made = { ...fresh, grants: [] }
    this.#answers.set(key, made)
    return made
  }

  /** What is wrong with an answer that a call got. Undefined if nothing is. `body` is undefined for a HEAD. */
  faultOf({ call, minVersion, nth }: Begun, key: string, status: number, body: string | undefined): Fault | undefined {
    const answer = this.#answers.get(key)
    if (answer === undefined || (body !== undefined && body !== bodyOf(key)) || status !== statusOf(answer.version))
      return "invented"
    if (answer.account !== call.account) return "foreign"
    if (answer.url !== call.path || (answer.language !== undefined && answer.language !== call.language)) return "mixed"
    if (answer.version < minVersion) return "outdated"
    return answer.grants.some((grant) => this.#allows(grant, call, nth)) ? undefined : "old"
  }

  #allows({ at, directives, isRead, isReusable, nth: grantedAt }: Grant, call: Call, nth: number): boolean {
    if (grantedAt > nth) return true
    if (!isRead || !isReusable || directives.has("no-store")) return false
    const asked = CacheControl.parse(call.directive ?? "")
    if (asked.has("no-store") || asked.has("no-cache")) return false
    const age = this.#clock.passed - at
    const lifetime = directives.has("no-cache") ? 0 : seconds(directives, "max-age")
    const stale = staleMs(directives, asked, this.isDown)
    // A server that fails is a reason to use an answer that is older than the caller wants.
    if (this.isDown && age < lifetime + stale) return true
    if (asked.has("max-age") && age > seconds(asked, "max-age")) return false
    const isFresh = age < lifetime && age + seconds(asked, "min-fresh") <= lifetime
    return isFresh || (stale > 0 && age < lifetime + stale)
  }
}

const keyOf = ({ account, language = "-", url, version }: Omit<Answer, "grants">): string =>
  `${account} ${url} ${language} ${version}`

const bodyOf = (key: string): string => `${key}\n${paddingOf(key)}`
