/** A server with Digest authentication, written from RFC 7616 and independent of the package. It counts what it receives. */
import * as MockClient from "@countersign/testing/MockClient"
import { createHash } from "node:crypto"

const algorithms = { MD5: "md5", "SHA-256": "sha256", "SHA-512-256": "sha512-256" } as const

type Hash = keyof typeof algorithms

const hashOf = (name: Hash, text: string | Uint8Array): string =>
  createHash(algorithms[name]).update(text).digest("hex")

export interface Settings {
  readonly username: string
  readonly password: string
  readonly realm: string
  readonly algorithm: Hash
  readonly session: boolean
  readonly qop: string | undefined
  readonly userhash: boolean
  /** The number of requests after which a nonce is stale. */
  readonly uses: number
  /** Whether the server says that an expired nonce is stale. */
  readonly saysStale: boolean
  /** Sent with every accepted request. */
  readonly info: (proof: string) => string | undefined
  readonly domain: string | undefined
  /** Whether each challenge ends the other nonces of its `opaque`, as in apache2 with one-time nonces. */
  readonly perClient: boolean
}

const defaults: Settings = {
  username: "ada",
  password: "canary-password",
  realm: "api",
  algorithm: "SHA-256",
  session: false,
  qop: "auth",
  userhash: false,
  uses: Number.POSITIVE_INFINITY,
  saysStale: true,
  info: () => undefined,
  domain: undefined,
  perClient: false
}

/** The parameters of a field, by an own reader that accepts the quotes of RFC 7616 only. */
const parametersOf = (field: string): Record<string, string> => {
  const parameters: Record<string, string> = {}
  for (const [, name = "", quoted, token] of field.matchAll(/(\w+\*?)=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g)) {
    const isQuoted = !["algorithm", "qop", "nc", "userhash", "username*"].includes(name)
    if (isQuoted !== (quoted !== undefined)) throw new Error(`wrong quotes of ${name}: ${field}`)
    parameters[name] = quoted === undefined ? (token ?? "") : quoted.replace(/\\(.)/g, "$1")
  }
  return parameters
}

export class DigestServer {
  readonly settings: Settings
  /** The statuses that were sent. */
  readonly statuses: Array<number> = []
  /** The counts that were used of each nonce. */
  readonly counts = new Map<string, Set<string>>()
  /** The number of 401 of each nonce. Requests without credentials count for the nonce "". */
  readonly rejections = new Map<string, number>()
  #nonces = 0
  #newest = ""
  /** The nonce of each `opaque` that is accepted. */
  readonly #newestOf = new Map<string, string>()

  constructor(settings: Partial<Settings> = {}) {
    this.settings = { ...defaults, ...settings }
  }

  readonly script = (sent: MockClient.Sent): MockClient.Step => {
    const field = sent.headers["authorization"]
    const response =
      field === undefined ? this.#challenge("", false, undefined) : this.#answer(sent, parametersOf(field))
    this.statuses.push(response.status)
    return MockClient.respond(response.status, { ok: response.status < 300 }, response.headers)
  }

  #challenge(rejected: string, stale: boolean, known: string | undefined) {
    this.rejections.set(rejected, (this.rejections.get(rejected) ?? 0) + 1)
    const { algorithm, domain, qop, realm, session, userhash } = this.settings
    const nonce = `nonce-${++this.#nonces}`
    this.#newest = nonce
    const opaque = this.settings.perClient ? (known ?? `client-${this.#nonces}`) : "o"
    this.#newestOf.set(opaque, nonce)
    this.counts.set(nonce, new Set())
    const parameters = [
      `realm="${realm.replace(/["\\]/g, "\\$&")}"`,
      `nonce="${nonce}"`,
      `algorithm=${algorithm}${session ? "-sess" : ""}`,
      `opaque="${opaque}"`,
      ...(qop === undefined ? [] : [`qop="${qop}"`]),
      ...(userhash ? ["userhash=true"] : []),
      ...(domain === undefined ? [] : [`domain="${domain}"`]),
      ...(stale ? ["stale=true"] : [])
    ]
    return { status: 401, headers: { "www-authenticate": `Digest ${parameters.join(", ")}` } }
  }

  #answer({ body = "", method, url }: MockClient.Sent, given: Record<string, string>) {
    const { algorithm, info, perClient, saysStale, userhash, username, realm, uses } = this.settings
    const { pathname, search } = new URL(url)
    const { cnonce = "", nc = "", nonce = "", opaque, qop, response = "", uri = "" } = given
    const counts = this.counts.get(nonce)
    const name = userhash ? hashOf(algorithm, `${username}:${realm}`) : username
    const bodyHash = hashOf(algorithm, body)
    const expected = this.#digest(`${method}:${uri}`, bodyHash, given)
    const isCorrect = uri === pathname + search && given["username"] === name && response === expected
    if (counts === undefined || !isCorrect) return this.#challenge(nonce, false, opaque)
    if (qop !== undefined && counts.has(nc)) throw new Error(`${nonce} was used twice with ${nc}`)
    const isReplaced = perClient && this.#newestOf.get(opaque ?? "") !== nonce
    if (isReplaced || counts.size >= uses) return this.#challenge(nonce, saysStale, opaque)
    counts.add(nc)
    const proof = this.#digest(`:${uri}`, hashOf(algorithm, JSON.stringify({ ok: true })), { ...given, cnonce, nc })
    const field = info(proof)
    if (perClient) this.#newestOf.set(opaque ?? "", `next-${this.#nonces}`)
    return { status: 200, headers: field === undefined ? {} : { "authentication-info": field } }
  }

  #digest(
    request: string,
    bodyHash: string,
    { cnonce = "", nc = "", nonce = "", qop }: Record<string, string>
  ): string {
    const { algorithm, password, realm, session, username } = this.settings
    const hash = (text: string) => hashOf(algorithm, text)
    const credentials = hash(`${username}:${realm}:${password}`)
    const secret = session ? hash(`${credentials}:${nonce}:${cnonce}`) : credentials
    const subject = hash(qop === "auth-int" ? `${request}:${bodyHash}` : request)
    return hash(
      qop === undefined ? `${secret}:${nonce}:${subject}` : `${secret}:${nonce}:${nc}:${cnonce}:${qop}:${subject}`
    )
  }

  /** Makes a nonce that no challenge has named, for `nextnonce`. */
  nextNonce(): string {
    const nonce = `next-${++this.#nonces}`
    this.counts.set(nonce, new Set())
    return nonce
  }

  get newest(): string {
    return this.#newest
  }
}
