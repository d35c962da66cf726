/** Several processes that share one account. The group signs in again when the tokens are lost. */
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

/** Options of the group. */
export interface ProcessGroupOptions {
  readonly staged: string
  readonly path: string
  readonly rules: Rules
  readonly reader: Reader
  /** Milliseconds by which the clock of each process is ahead. */
  readonly ahead: ReadonlyArray<number>
}

/** An expired token, so that the first caller refreshes it. */
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

/** The group of processes. */
export class ProcessGroup {
  readonly path: string
  readonly server: StrictServer
  readonly #options: ProcessGroupOptions
  readonly #store: TokenStore.Service
  readonly #members = new Map<
    number,
    { readonly remote: Remote.Remote<SharedAccountProcess>; readonly ahead: number }
  >()
  readonly #killed = new Set<number>()
  #issuer = ""
  #signingIn: Promise<void> = Promise.resolve()
  /** Token families that were revoked, without and with a cause that no client can prevent. */
  revocations = 0
  unavoidable = 0

  constructor(options: ProcessGroupOptions, store: TokenStore.Service) {
    this.path = options.path
    this.#options = options
    this.#store = store
    this.server = new StrictServer(options.rules, (revocation) => this.#revoked(revocation))
  }

  async begin(): Promise<void> {
    this.#issuer = await this.server.listen()
    this.#signIn()
    await this.#signingIn
    await Promise.all(this.#options.ahead.map((ahead) => this.#join(ahead)))
  }

  has(pid: number): boolean {
    return this.#members.has(pid)
  }

  /** Kills a member and starts another in its place. */
  async kill(pid: number): Promise<void> {
    const member = this.#members.get(pid)
    if (member === undefined) return
    this.#members.delete(pid)
    this.#killed.add(pid)
    process.kill(pid, "SIGKILL")
    await member.remote.stop()
    await this.#join(member.ahead)
  }

  /** Ends all members, and returns whether the file contains the current refresh token. */
  async end(): Promise<boolean> {
    await Promise.all([...this.#members.values()].map(({ remote }) => remote.call("end")))
    await this.#signingIn
    return this.#holds(this.server.current)
  }

  /** Stops all processes that are left, in any order. */
  async stop(): Promise<void> {
    for (const pid of this.#members.keys()) process.kill(pid, "SIGCONT")
    await Promise.all([...this.#members.values()].map(({ remote }) => remote.stop()))
    await this.server.close()
  }

  async #join(ahead: number): Promise<void> {
    const { path, reader, staged } = this.#options
    const remote = Remote.start<SharedAccountProcess>(staged, "sharedAccountProcess")
    const pid = await remote.call("begin", { path, issuer: this.#issuer, ahead, reader })
    this.#members.set(pid, { remote, ahead })
  }

  #holds(refreshToken: string | undefined): boolean {
    return refreshToken !== undefined && readFileSync(this.path, "utf8").includes(`"${refreshToken}"`)
  }

  /**
   * If a process was killed between the commit of the server and its save, the new refresh token is lost for every client.
   */
  #revoked({ refreshedBy, successor }: Revocation): void {
    if (this.#killed.has(refreshedBy) && !this.#holds(successor)) this.unavoidable += 1
    else this.revocations += 1
    this.#signIn()
  }

  #signIn(): void {
    const signedIn = signIn(this.#store, this.server.signIn())
    this.#signingIn = this.#signingIn.then(() => Effect.runPromise(signedIn))
  }
}

/** Makes a group. */
export const make = (options: ProcessGroupOptions): Promise<ProcessGroup> =>
  Effect.runPromise(
    Effect.map(FileTokenStore.make({ path: options.path }), (store) => new ProcessGroup(options, store))
  )
