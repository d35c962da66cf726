/**
 * What every token store has to do, as cases that any test runner runs: one line for a store of your own.
 *
 * @example
 * import * as TokenStoreContract from "@countersign/testing/TokenStoreContract"
 * import * as TokenStore from "@countersign/auth/TokenStore"
 * import { describe, it } from "vitest"
 *
 * TokenStoreContract.register({ describe, it }, "memory", TokenStoreContract.fromLayer(TokenStore.layerMemory))
 *
 * @since 0.1.0
 */
import * as TokenStore from "@countersign/auth/TokenStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { records } from "./internal/tokenStoreContract/compareAndSet.js"
import { damage } from "./internal/tokenStoreContract/corruption.js"
import { crash } from "./internal/tokenStoreContract/crash.js"
import { shared } from "./internal/tokenStoreContract/crossProcess.js"
import { hostile } from "./internal/tokenStoreContract/hostileKeys.js"
import { exclusion } from "./internal/tokenStoreContract/mutualExclusion.js"
import { full } from "./internal/tokenStoreContract/writeFailure.js"

export { victim } from "./internal/tokenStoreContract/crash.js"
export { ContractViolation } from "./internal/tokenStoreContract/contractViolation.js"

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
  /** Has another process run `victim` there, and kills it (SIGKILL) a while after it began to write. */
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

/**
 * The harness of a store that is a Layer and forgets its records with it.
 *
 * @param layer - must give an empty store each time it is built.
 * @since 0.1.0
 * @category harnesses
 */
export const fromLayer = <E>(layer: Layer.Layer<TokenStore.TokenStore, E>): Harness => ({
  place: Effect.void,
  open: () => Effect.map(Layer.build(Layer.fresh(layer)), Context.get(TokenStore.TokenStore))
})

/**
 * The cases that a harness allows for. They run under the live clock. Most take some milliseconds. Those of damage,
 * of long keys and of a process that is killed take some seconds, and longer on a busy machine. A case that hangs fails
 * after two minutes. Set the time limit of the runner's tests to more than that.
 *
 * @since 0.1.0
 * @category cases
 */
export const cases = <Place>(harness: Harness<Place>): ReadonlyArray<Case> => [
  ...records(harness),
  ...hostile(harness),
  ...exclusion(harness),
  ...(harness.isShared === true ? shared(harness) : []),
  ...(harness.bytes === undefined ? [] : damage(harness, harness.bytes)),
  ...(harness.disk === undefined ? [] : full(harness, harness.disk)),
  ...(harness.kill === undefined ? [] : crash(harness, harness.kill))
]

/**
 * What a test runner has: vitest, `node:test`, mocha and jest all do.
 *
 * @since 0.1.0
 * @category models
 */
export interface Runner {
  readonly describe: (name: string, body: () => void) => unknown
  readonly it: (name: string, body: () => Promise<void>) => unknown
}

/**
 * Makes a test of each case.
 *
 * @param runner - the test runner's own functions.
 * @param name - the store's, for the tests' names.
 * @since 0.1.0
 * @category cases
 */
export const register = <Place>(runner: Runner, name: string, harness: Harness<Place>): void => {
  runner.describe(`${name}, as a token store`, () => {
    for (const one of cases(harness)) runner.it(one.name, () => Effect.runPromise(one.run))
  })
}
