/**
 * A strict authorization server: the reuse of a refresh token revokes all tokens of its family, access tokens included. It
 * also serves the API that accepts the tokens, and counts requests.
 */
import { randomInt } from "node:crypto"
import { once } from "node:events"
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { text } from "node:stream/consumers"

/** How strict it is. Times are in milliseconds. */
export interface Rules {
  readonly lifetime: number
  /** How long a used refresh token is accepted once more and gets the same response. 0 for never. */
  readonly grace: number
}

/** A reuse that revoked a family. Only the process that made the last refresh received its `successor`. */
export interface Revocation {
  readonly successor: string
  readonly refreshedBy: number
}

/** Header field with the id of the process. */
export const processField = "x-process"

/** Header fields with the time that the process waited for its token, and with the error of its last call. */
export const waitedField = "x-waited"
export const failedField = "x-failed"

/** Counts of the server. */
export interface Counts {
  readonly refreshes: number
  readonly replays: number
  readonly calls: number
  readonly rejected: number
  readonly failed: number
  readonly failures: ReadonlyArray<string>
  /** Milliseconds that calls waited for a token, and from each commit to the first use of its token. */
  readonly waits: ReadonlyArray<number>
  readonly windows: ReadonlyArray<number>
}

interface Family {
  current: string
  previous: string
  refreshedBy: number
  refreshedAt: number
  isRevoked: boolean
}

interface Access {
  readonly family: Family
  readonly issuedAt: number
  readonly to: number
  isUsed: boolean
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, randomInt(0, 5)))

const json = (response: ServerResponse, status: number, value: unknown): void => {
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" })
  response.end(JSON.stringify(value))
}

/** The server. */
export class StrictServer {
  readonly #rules: Rules
  readonly #revoked: (revocation: Revocation) => void
  readonly #families = new Map<string, Family>()
  readonly #access = new Map<string, Access>()
  readonly #http: Server
  #issued = 0
  #family: Family | undefined
  #refreshes = 0
  #replays = 0
  #calls = 0
  #refused = 0
  readonly #failures: Array<string> = []
  readonly #waits: Array<number> = []
  readonly #windows: Array<number> = []

  constructor(rules: Rules, revoked: (revocation: Revocation) => void) {
    this.#rules = rules
    this.#revoked = revoked
    this.#http = createServer((request, response) => void this.#answer(request, response))
  }

  async listen(): Promise<string> {
    this.#http.listen(0, "127.0.0.1")
    await once(this.#http, "listening")
    // The address of a TCP server is an object.
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#http.closeAllConnections()
    await new Promise((resolve) => this.#http.close(resolve))
  }

  /** Starts a new token family, as after a sign-in. */
  signIn(): string {
    const refresh = this.#name("refresh")
    this.#family = { current: refresh, previous: "", refreshedBy: 0, refreshedAt: 0, isRevoked: false }
    this.#families.set(refresh, this.#family)
    return refresh
  }

  /** The valid refresh token. */
  get current(): string | undefined {
    return this.#family?.isRevoked === false ? this.#family.current : undefined
  }

  get counts(): Counts {
    return {
      refreshes: this.#refreshes,
      replays: this.#replays,
      calls: this.#calls,
      rejected: this.#refused,
      failed: this.#failures.length,
      failures: [...new Set(this.#failures)],
      waits: this.#waits,
      windows: this.#windows
    }
  }

  #name(kind: string): string {
    this.#issued += 1
    return `${kind}-${this.#issued}`
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const by = Number(request.headers[processField])
    try {
      if (request.method === "POST") await this.#token(new URLSearchParams(await text(request)), by, response)
      else this.#resource(request, by, response)
    } catch {
      // The process that sent the request was killed.
      response.destroy()
    }
  }

  /** Waits before and after the commit, as a network does. */
  async #token(form: URLSearchParams, by: number, response: ServerResponse): Promise<void> {
    await pause()
    const granted = this.#grant(form.get("refresh_token") ?? "", by)
    await pause()
    if (granted === undefined) json(response, 400, { error: "invalid_grant" })
    else json(response, 200, granted)
  }

  #grant(refreshToken: string, by: number): Readonly<Record<string, string | number>> | undefined {
    const family = this.#families.get(refreshToken)
    if (family === undefined || family.isRevoked) return undefined
    const now = performance.now()
    if (refreshToken === family.current) {
      this.#refreshes += 1
      const next = this.#name("refresh")
      this.#families.set(next, family)
      Object.assign(family, { current: next, previous: refreshToken, refreshedBy: by, refreshedAt: now })
      return this.#tokens(family, by, now)
    }
    if (refreshToken === family.previous && now - family.refreshedAt < this.#rules.grace) {
      this.#replays += 1
      return this.#tokens(family, by, now)
    }
    family.isRevoked = true
    this.#revoked({ successor: family.current, refreshedBy: family.refreshedBy })
    return undefined
  }

  #tokens(family: Family, by: number, now: number): Readonly<Record<string, string | number>> {
    const access = this.#name("access")
    this.#access.set(access, { family, issuedAt: now, to: by, isUsed: false })
    return {
      access_token: access,
      token_type: "Bearer",
      expires_in: this.#rules.lifetime / 1000,
      refresh_token: family.current
    }
  }

  #resource({ headers }: IncomingMessage, by: number, response: ServerResponse): void {
    const failure = headers[failedField]
    if (typeof failure === "string") this.#failures.push(failure)
    if (headers[waitedField] !== undefined) this.#waits.push(Number(headers[waitedField]))
    const access = this.#access.get((headers.authorization ?? "").replace(/^Bearer /, ""))
    const age = performance.now() - (access?.issuedAt ?? 0)
    if (access?.isUsed === false && access.to === by) {
      access.isUsed = true
      this.#windows.push(age)
    }
    if (access === undefined || access.family.isRevoked || age > this.#rules.lifetime) {
      this.#refused += 1
      return json(response, 401, { error: "invalid_token" })
    }
    this.#calls += 1
    json(response, 200, { ok: true })
  }
}
