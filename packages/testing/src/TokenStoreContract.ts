/**
 * Contract tests for token stores: cases that every store must pass, for any test runner.
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
import { records } from "./internal/tokenStoreContract/compareAndSet.js"
import { sharedPool } from "./internal/tokenStoreContract/connections.js"
import { damage } from "./internal/tokenStoreContract/corruption.js"
import { crash } from "./internal/tokenStoreContract/crash.js"
import { shared } from "./internal/tokenStoreContract/crossProcess.js"
import * as OptionNames from "./internal/options/optionNames.js"
import type { Case, Harness } from "./internal/tokenStoreContract/harness.js"
import { hostile } from "./internal/tokenStoreContract/hostileKeys.js"
import { lostLock } from "./internal/tokenStoreContract/lostLock.js"
import { lostResponse } from "./internal/tokenStoreContract/lostResponse.js"
import { exclusion } from "./internal/tokenStoreContract/mutualExclusion.js"
import { full } from "./internal/tokenStoreContract/writeFailure.js"

export { crashingWriter } from "./internal/tokenStoreContract/crash.js"
export { ContractViolation } from "./internal/tokenStoreContract/contractViolation.js"
export type { Bytes, Case, Disk, Harness, LossyStore } from "./internal/tokenStoreContract/harness.js"

const names: OptionNames.ShapeOf<Harness> = {
  place: true,
  open: true,
  isShared: true,
  bytes: true,
  disk: true,
  pooled: true,
  loseLocks: true,
  lossy: true,
  kill: true
}

/**
 * Makes the harness of a store from its Layer. Such a store loses its records when the Layer is closed.
 *
 * @param layer - provides an empty store each time it is built.
 * @since 0.1.0
 * @category harnesses
 */
export const fromLayer = <E>(layer: Layer.Layer<TokenStore.TokenStore, E>): Harness => ({
  place: Effect.void,
  open: () => Effect.map(Layer.build(Layer.fresh(layer)), Context.get(TokenStore.TokenStore))
})

/**
 * The cases that a harness supports. They run under the live clock, most of them in milliseconds.
 *
 * Cases of damage, of long keys and of a killed process take seconds, and longer on a busy machine. A case that hangs fails
 * after two minutes. Set the time limit of the test runner to more than that.
 *
 * @since 0.1.0
 * @category cases
 */
export const cases = <Place>(harness: Harness<Place>): ReadonlyArray<Case> => {
  OptionNames.known("the harness", harness, names)
  return [
    ...records(harness),
    ...hostile(harness),
    ...exclusion(harness),
    ...(harness.isShared === true ? shared(harness) : []),
    ...(harness.bytes === undefined ? [] : damage(harness, harness.bytes)),
    ...(harness.disk === undefined ? [] : full(harness, harness.disk)),
    ...(harness.pooled === undefined ? [] : sharedPool(harness, harness.pooled)),
    ...(harness.loseLocks === undefined ? [] : lostLock(harness, harness.loseLocks)),
    ...(harness.lossy === undefined ? [] : lostResponse(harness, harness.lossy)),
    ...(harness.kill === undefined ? [] : crash(harness, harness.kill))
  ]
}

/**
 * The functions of a test runner that the cases need. Those of vitest, `node:test`, mocha and jest fit.
 *
 * @since 0.1.0
 * @category models
 */
export interface Runner {
  readonly describe: (name: string, body: () => void) => unknown
  readonly it: (name: string, body: () => Promise<void>) => unknown
}

/**
 * Registers one test per case, in a group named after the store.
 *
 * @param runner - `describe` and `it` of the test runner.
 * @param name - the name of the store, for the name of the group.
 * @since 0.1.0
 * @category cases
 */
export const register = <Place>(runner: Runner, name: string, harness: Harness<Place>): void => {
  runner.describe(`${name}, as a token store`, () => {
    for (const one of cases(harness)) runner.it(one.name, () => Effect.runPromise(one.run))
  })
}
