/** A store under test, and the cases of the contract. */
import type * as TokenStore from "@countersign/auth/TokenStore"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/**
 * Access to the bytes in which a store keeps its records.
 *
 * @since 0.1.0
 * @category models
 */
export interface Bytes {
  /** Reads the stored bytes. */
  readonly read: Effect.Effect<Uint8Array, unknown>
  /** Replaces the stored bytes without the store. */
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, unknown>
}

/**
 * Simulation of a full disk.
 *
 * @since 0.1.0
 * @category models
 */
export interface Disk {
  /** Makes writes of the store fail. */
  readonly fill: Effect.Effect<void, unknown>
  /** Makes writes of the store succeed again. */
  readonly free: Effect.Effect<void, unknown>
}

/**
 * A store with a connection that can lose responses.
 *
 * @since 0.1.0
 * @category models
 */
export interface LossyStore {
  /** The store. */
  readonly store: TokenStore.Service
  /**
   * Loses the response of the next request: the storage carries the request out, and the connection ends. Requests of a later
   * connection have responses again.
   */
  readonly loseNext: Effect.Effect<void, unknown>
}

/**
 * Access to a store under test. Each optional field adds cases.
 *
 * @since 0.1.0
 * @category models
 */
export interface Harness<Place = void> {
  /** Creates an empty place for each case. The scope removes it. */
  readonly place: Effect.Effect<Place, unknown, Scope.Scope>
  /** Opens a store at a place, as each process of an application does. */
  readonly open: (place: Place) => Effect.Effect<TokenStore.Service, unknown, Scope.Scope>
  /** Whether stores that are opened at one place share records. Their records outlive the store that wrote them. */
  readonly isShared?: boolean | undefined
  /** For a store that detects damage: access to its bytes. Cases truncate them and flip each bit. */
  readonly bytes?: ((place: Place) => Bytes) | undefined
  /** For a store on a disk: simulates a full one. */
  readonly disk?: ((place: Place) => Disk) | undefined
  /**
   * For a store with connections: opens two stores over one pool, with as few connections as a store allows.
   */
  readonly pooled?:
    | ((
        place: Place
      ) => Effect.Effect<readonly [one: TokenStore.Service, other: TokenStore.Service], unknown, Scope.Scope>)
    | undefined
  /**
   * For a store that provides `Lease`: ends all locks of a place without their holders, as the end of a lease or of a
   * connection does.
   */
  readonly loseLocks?: ((place: Place) => Effect.Effect<unknown, unknown, Scope.Scope>) | undefined
  /** For a store with connections: opens one with responses that can be lost. */
  readonly lossy?: ((place: Place) => Effect.Effect<LossyStore, unknown, Scope.Scope>) | undefined
  /** Starts a process that runs `crashingWriter` at the place, and kills it (SIGKILL) some time after its first write. */
  readonly kill?: ((place: Place) => Effect.Effect<void, unknown, Scope.Scope>) | undefined
}

/**
 * One case of the contract. It fails with a `ContractViolation`, or with an error of the store.
 *
 * @since 0.1.0
 * @category models
 */
export interface Case {
  /** Name of the test. */
  readonly name: string
  /** Runs the case. */
  readonly run: Effect.Effect<void, unknown>
}
