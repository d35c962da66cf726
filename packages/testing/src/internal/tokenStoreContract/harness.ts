/** A store under test, and the cases of the contract. */
import type * as TokenStore from "@countersign/auth/TokenStore"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/**
 * The bytes that a store keeps its records in: to read them, and to put others in their place behind its back.
 *
 * @since 0.1.0
 * @category models
 */
export interface Bytes {
  readonly read: Effect.Effect<Uint8Array, unknown>
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, unknown>
}

/**
 * Makes the writes of a store fail, as a full disk does, and lets them work again.
 *
 * @since 0.1.0
 * @category models
 */
export interface Disk {
  readonly fill: Effect.Effect<void, unknown>
  readonly free: Effect.Effect<void, unknown>
}

/**
 * How to come by the store that is held to the contract. The more there is to it, the more is asked of the store.
 *
 * @since 0.1.0
 * @category models
 */
export interface Harness<Place = void> {
  /** A place without records, anew for each case; the scope's end removes it. */
  readonly place: Effect.Effect<Place, unknown, Scope.Scope>
  /** Opens a store there, as each process of an application would. */
  readonly open: (place: Place) => Effect.Effect<TokenStore.Service, unknown, Scope.Scope>
  /** Whether two that are opened at one place have the same records: they outlive the one that wrote them, then. */
  readonly isShared?: boolean | undefined
  /** For a store that says that it notices damage: of each byte that is cut off, and each bit that is another. */
  readonly bytes?: ((place: Place) => Bytes) | undefined
  readonly disk?: ((place: Place) => Disk) | undefined
  /** Has another process run `crashingWriter` there, and kills it (SIGKILL) a while after it began to write. */
  readonly kill?: ((place: Place) => Effect.Effect<void, unknown, Scope.Scope>) | undefined
}

/**
 * One thing that is asked of a store. It fails with a `ContractViolation` that says what was found, or with whatever the
 * store fails with.
 *
 * @since 0.1.0
 * @category models
 */
export interface Case {
  readonly name: string
  readonly run: Effect.Effect<void, unknown>
}
