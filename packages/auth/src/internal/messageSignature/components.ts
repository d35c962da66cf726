/** Component identifiers of signatures (RFC 9421 §2). */
import type { Component } from "@countersign/protocol/MessageSignature"

/** Whether a component is in a list. The order of its parameters does not matter. */
export const includes = (components: ReadonlyArray<Component>, wanted: Component): boolean =>
  components.some(
    ({ name, params }) =>
      name === wanted.name &&
      params.size === wanted.params.size &&
      Array.from(params).every(([key, { value }]) => wanted.params.get(key)?.value === value)
  )
