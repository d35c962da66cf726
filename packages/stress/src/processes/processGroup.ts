/** Several processes that share one account. The group signs in again when the tokens are lost. */
import * as Token from "@countersign/auth/Token"
import type * as TokenStore from "@countersign/auth/TokenStore"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import type { SharedAccountProcess } from "../programs/sharedAccountProcess.js"
import * as Remote from "@countersign/bench/Remote"
import type { Revocation, Rules } from "./strictServer.js"
import { StrictServer } from "./strictServer.js"
import type { Reader } from "./storeVariants.js"
import * as SharedStore from "./sharedStore.js"

/** Options of the group. */
export interface ProcessGroupOptions {
  readonly staged: string
  readonly place: SharedStore.Place
  /** Folder in which the processes say which one holds the lock. */
  readonly folder: string
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

/** Signs in again. The server may be unavailable for a while. */
const signIn = (store: TokenStore.Service, refreshToken: string): Effect.Effect<void, unknown> =>
  Effect.retry(SharedStore.put(store, expired(refreshToken)), Schedule.upTo(Schedule.spaced("20 millis"), "1 minute"))

/** The group of processes. */
export class ProcessGroup {
  readonly server: StrictServer
  readonly #options: ProcessGroupOptions
  readonly #store: TokenStore.Service
  readonly #scope: Scope.CloseableScope
  readonly #members = new Map<
    number,
    { readonly remote: Remote.Remote<SharedAccountProcess>; readonly ahead: number }
  >()
  readonly #killed = new Set<number>()
  #issuer = ""
  /** What happens after a revocation, one after the other. */
  #work: Promise<void> = Promise.resolve()
  /** Token families that were revoked, without and with a cause that no client can prevent. */
  revocations = 0
  unavoidable = 0

  constructor(options: ProcessGroupOptions, store: TokenStore.Service, scope: Scope.CloseableScope) {
    this.#options = options
    this.#store = store
    this.#scope = scope
    this.server = new StrictServer(options.rules, (revocation) => this.#revoked(revocation))
  }

  async begin(): Promise<void> {
    this.#issuer = await this.server.listen()
    this.#signIn()
    await this.#work
    await Promise.all(this.#options.ahead.map((ahead) => this.#join(ahead)))
  }

  /** A member that holds the lock. */
  lockHolder(): number | undefined {
    return SharedStore.lockHolders(this.#options.folder).find((pid) => this.#members.has(pid))
  }

  isLockHolder(pid: number): boolean {
    return SharedStore.lockHolders(this.#options.folder).includes(pid)
  }

  /** Kills a member and starts another in its place. */
  async kill(pid: number): Promise<void> {
    const member = this.#members.get(pid)
    if (member === undefined) return
    this.#members.delete(pid)
    this.#killed.add(pid)
    process.kill(pid, "SIGKILL")
    await member.remote.stop()
    SharedStore.forgetHolder(this.#options.folder, pid)
    await this.#join(member.ahead)
  }

  /** Ends all members, and returns whether the store has the current refresh token. */
  async end(): Promise<boolean> {
    await Promise.all([...this.#members.values()].map(({ remote }) => remote.call("end")))
    await this.#work
    const { current } = this.server
    return current !== undefined && (await this.#holds(current))
  }

  /** Stops all processes that are left, in any order. */
  async stop(): Promise<void> {
    for (const pid of this.#members.keys()) process.kill(pid, "SIGCONT")
    await Promise.all([...this.#members.values()].map(({ remote }) => remote.stop()))
    await this.server.close()
    await Effect.runPromise(Scope.close(this.#scope, Exit.void))
  }

  async #join(ahead: number): Promise<void> {
    const { folder, place, reader, staged } = this.#options
    const remote = Remote.start<SharedAccountProcess>(staged, "sharedAccountProcess")
    const pid = await remote.call("begin", { place, folder, issuer: this.#issuer, ahead, reader })
    this.#members.set(pid, { remote, ahead })
  }

  async #holds(refreshToken: string): Promise<boolean> {
    return Effect.runPromise(SharedStore.holds(this.#store, refreshToken))
  }

  /**
   * If a process was killed between the commit of the server and its save, the new refresh token is lost for every client.
   */
  #revoked({ refreshedBy, successor }: Revocation): void {
    this.#work = this.#work.then(async () => {
      if (this.#killed.has(refreshedBy) && !(await this.#holds(successor))) this.unavoidable += 1
      else this.revocations += 1
    })
    this.#signIn()
  }

  #signIn(): void {
    const signedIn = signIn(this.#store, this.server.signIn())
    this.#work = this.#work.then(() => Effect.runPromise(signedIn))
  }
}

/** Makes a group, which closes its store when it stops. */
export const make = async (options: ProcessGroupOptions): Promise<ProcessGroup> => {
  const scope = Effect.runSync(Scope.make())
  const store = await Effect.runPromise(Scope.extend(SharedStore.open(options.place), scope))
  return new ProcessGroup(options, store, scope)
}
