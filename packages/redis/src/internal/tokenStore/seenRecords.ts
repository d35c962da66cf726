/** What this process knows of the records that it has read or written whole. */
import { BoundedMap } from "@countersign/client/BoundedMap"
import { hash } from "node:crypto"

/** Maximum number of known records. */
const maxRecords = 10_000

/** Maximum number of texts that are not hashed again. */
const maxTexts = 100

/** A record that was read whole, or written. */
interface Seen {
  readonly version: number
  /** The random name of its generation. */
  readonly generation: string
  readonly text: string
}

/**
 * The generation and the digest of each known record. A write sends them, so that it changes only the record that this process
 * knows: a lost record begins with version 1 again, and another program may change a text without its version.
 */
export class SeenRecords {
  readonly #records = new BoundedMap<Omit<Seen, "text"> & { readonly digest: string }>(maxRecords)
  readonly #texts = new BoundedMap<string>(maxTexts)

  /** Notes a record. The text of each name is hashed when it changes. */
  note(name: string, { generation, text, version }: Seen): void {
    const known = this.#records.get(name)
    const isKnown = known !== undefined && this.#texts.get(name) === text
    const digest = isKnown ? known.digest : hash("sha1", text)
    if (known?.version === version && known.generation === generation && known.digest === digest) return
    this.#records.set(name, { version, generation, digest })
    this.#texts.set(name, text)
  }

  /** Forgets a record that was found removed. */
  forget(name: string): void {
    this.#records.delete(name)
    this.#texts.delete(name)
  }

  /** The generation of a record. Empty if it is not known. */
  generationOf(name: string): string {
    return this.#records.get(name)?.generation ?? ""
  }

  /** The digest of the text of a version. Empty if it is not known. */
  digestOf(name: string, version: number): string {
    const known = this.#records.get(name)
    return known?.version === version ? known.digest : ""
  }
}
