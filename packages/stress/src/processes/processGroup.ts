/** Several processes that share one account, and the one that signs in for them when its tokens are lost. */
import * as Token from "@countersign/auth/Token"
import type * as TokenStore from "@countersign/auth/TokenStore"
import * as FileTokenStore from "@countersign/node/FileTokenStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { readFileSync } from "node:fs"
import type { SharedAccountProcess } from "../programs/sharedAccountProcess.js"
import * as Remote from "@countersign/bench/Remote"
import type { Revocation, Rules } from "./strictServer.js"
import { StrictServer } from "./strictServer.js"
import type { Reader } from "./storeVariants.js"
import { key } from "./storeVariants.js"

/** Who takes part, and on what terms. */
export interface ProcessGroupOptions {
  readonly staged: string
  readonly path: string
  readonly rules: Rules
  readonly reader: Reader
  /** By how many milliseconds the clock of each is ahead. */
  readonly ahead: ReadonlyArray<number>
}

/** One that is expired, so that the first who needs a token refreshes it. */
const expired = (refreshToken: string): Token.Token => ({
  ...Token.bearer(Redacted.make("none"), 0, 1),
  refreshToken: Redacted.make(refreshToken)
})

const signIn = (store: TokenStore.Service, refreshToken: string): Effect.Effect<void, unknown> =>
  Effect.flatMap(store.get(key), (stored) =>
    store.compareAndSet(
      key,
      Option.match(stored, { onNone: () => 0, onSome: ({ version }) => version }),
      expired(refreshToken)
    )
  ).pipe(store.withLock(key), Effect.asVoid)

/** The processes. */
export class ProcessGroup {
  readonly path: string
  readonly server: StrictServer
  readonly #invited: ProcessGroupOptions
  readonly #store: TokenStore.Service
  readonly #members = new Map<
    number,
    { readonly remote: Remote.Remote<SharedAccountProcess>; readonly ahead: number }
  >()
  readonly #killed = new Set<number>()
  #issuer = ""
  #signingIn: Promise<void> = Promise.resolve()
  /** Families that were lost, and those of them that no client can keep. */
  revocations = 0
  unclosable = 0

  constructor(invited: ProcessGroupOptions, store: TokenStore.Service) {
    this.path = invited.path
    this.#invited = invited
    this.#store = store
    this.server = new StrictServer(invited.rules, (revocation) => this.#revoked(revocation))
  }

  async begin(): Promise<void> {
    this.#issuer = await this.server.listen()
    this.#signIn()
    await this.#signingIn
    await Promise.all(this.#invited.ahead.map((ahead) => this.#join(ahead)))
  }

  has(pid: number): boolean {
    return this.#members.has(pid)
  }

  /** Kills a member; another comes in its place. */
  async kill(pid: number): Promise<void> {
    const member = this.#members.get(pid)
    if (member === undefined) return
    this.#members.delete(pid)
    this.#killed.add(pid)
    process.kill(pid, "SIGKILL")
    await member.remote.stop()
    await this.#join(member.ahead)
  }

  /** Ends them all in good order, and tells whether the file holds what the server goes by. */
  async end(): Promise<boolean> {
    await Promise.all([...this.#members.values()].map(({ remote }) => remote.call("end")))
    await this.#signingIn
    return this.#holds(this.server.current)
  }

  /** Ends what is left, in whatever order. */
  async stop(): Promise<void> {
    for (const pid of this.#members.keys()) process.kill(pid, "SIGCONT")
    await Promise.all([...this.#members.values()].map(({ remote }) => remote.stop()))
    await this.server.close()
  }

  async #join(ahead: number): Promise<void> {
    const { path, reader, staged } = this.#invited
    const remote = Remote.start<SharedAccountProcess>(staged, "sharedAccountProcess")
    const pid = await remote.call("begin", { path, issuer: this.#issuer, ahead, reader })
    this.#members.set(pid, { remote, ahead })
  }

  #holds(refreshToken: string | undefined): boolean {
    return refreshToken !== undefined && readFileSync(this.path, "utf8").includes(`"${refreshToken}"`)
  }

  /** Of a process that was killed before it had saved what the server had committed to, nobody has the answer. */
  #revoked({ refreshedBy, successor }: Revocation): void {
    if (this.#killed.has(refreshedBy) && !this.#holds(successor)) this.unclosable += 1
    else this.revocations += 1
    this.#signIn()
  }

  #signIn(): void {
    const signedIn = signIn(this.#store, this.server.signIn())
    this.#signingIn = this.#signingIn.then(() => Effect.runPromise(signedIn))
  }
}

/** Makes one. */
export const make = (invited: ProcessGroupOptions): Promise<ProcessGroup> =>
  Effect.runPromise(
    Effect.map(FileTokenStore.make({ path: invited.path }), (store) => new ProcessGroup(invited, store))
  )
