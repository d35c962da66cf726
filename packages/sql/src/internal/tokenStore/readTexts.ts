/** Texts of records that this process has validated. A write replaces no other text that has the same version. */
import type { Dialect } from "../database/dialect.js"
import type { Stored } from "./recordCodec.js"

/** Maximum number of records. Of another one, only the format is verified before it is replaced. */
const capacity = 1024

interface Validated {
  readonly version: number
  readonly fingerprint: string
}

/** The text of each record, by the name of the record. */
export class ReadTexts {
  readonly #records = new Map<string, Validated>()
  readonly #fingerprintOf: Dialect["fingerprintOf"]

  constructor({ fingerprintOf }: Dialect) {
    this.#fingerprintOf = fingerprintOf
  }

  /** The record has this text, which is valid. */
  remember(name: string, { text, version }: Stored): void {
    this.#records.delete(name)
    if (text === undefined) return
    this.#records.set(name, { version, fingerprint: this.#fingerprintOf(text) })
    const [oldest] = this.#records.keys()
    if (this.#records.size > capacity && oldest !== undefined) this.#records.delete(oldest)
  }

  /** The fingerprint of the text of this version; empty if it was not read. */
  fingerprint(name: string, version: number): string {
    const found = this.#records.get(name)
    return found?.version === version ? found.fingerprint : ""
  }
}
