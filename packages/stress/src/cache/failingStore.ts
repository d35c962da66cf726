/** A store of which the operations fail for a time: reads, writes, and what was read. */
import * as PlatformError from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { PCGRandom } from "effect/Utils"

const failure = new PlatformError.SystemError({
  reason: "Unknown",
  module: "KeyValueStore",
  method: "set",
  description: "no space left on device"
})

export class FailingStore {
  readonly #records = new Map<string, string>()
  readonly #chance: PCGRandom
  /** Records of which the last change failed. */
  readonly #unchanged = new Set<string>()
  isFailing = false
  failedWrites = 0

  constructor(seed: number) {
    this.#chance = new PCGRandom(seed, 2)
  }

  /** Whether a change was lost that has not been repeated since. */
  get hasLostChanges(): boolean {
    return this.#unchanged.size > 0
  }

  #isLucky(share: number): boolean {
    return this.isFailing && this.#chance.number() < share
  }

  #change(key: string, change: () => void): Effect.Effect<void, PlatformError.PlatformError> {
    return Effect.suspend(() => {
      if (this.#isLucky(0.8)) {
        this.failedWrites += 1
        this.#unchanged.add(key)
        return Effect.fail(failure)
      }
      this.#unchanged.delete(key)
      change()
      return Effect.void
    })
  }

  #read(key: string): Effect.Effect<Option.Option<string>, PlatformError.PlatformError> {
    return Effect.suspend(() => {
      if (this.#isLucky(0.1)) return Effect.fail(failure)
      const text = this.#records.get(key)
      return Effect.succeed(
        Option.fromNullable(text !== undefined && this.#isLucky(0.1) ? text.slice(0, text.length / 2) : text)
      )
    })
  }

  readonly store: KeyValueStore.KeyValueStore = KeyValueStore.makeStringOnly({
    get: (key) => this.#read(key),
    set: (key, value) => this.#change(key, () => void this.#records.set(key, value)),
    remove: (key) => this.#change(key, () => void this.#records.delete(key)),
    clear: Effect.sync(() => this.#records.clear()),
    size: Effect.sync(() => this.#records.size)
  })
}
