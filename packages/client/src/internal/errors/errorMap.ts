import * as Cause from "effect/Cause"

/**
 * A WeakMap with errors as keys. When a span is open, Effect fails with a proxy of the error, a new one each time. This
 * map looks up the error itself.
 */
export class ErrorMap<Key extends object, Value> extends WeakMap<Key, Value> {
  override get(error: Key): Value | undefined {
    return super.get(Cause.originalError(error))
  }

  override has(error: Key): boolean {
    return super.has(Cause.originalError(error))
  }

  override set(error: Key, value: Value): this {
    return super.set(Cause.originalError(error), value)
  }
}
