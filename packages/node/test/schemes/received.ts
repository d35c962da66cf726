/** A request as a server received it, and a scheme with a verifier of its requests. */
import type * as Auth from "@countersign/client/Auth"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** A request as a server received it. */
export interface Received {
  readonly method: string
  /** The absolute URL. */
  readonly url: string
  /** Header fields by lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A scheme of the matrix. */
export interface Scheme {
  readonly name: string
  readonly make: Effect.Effect<Auth.Service<unknown>, unknown, Scope.Scope>
  /** Throws if the credentials are not those of this request. `now` is the server's time in epoch milliseconds. */
  readonly verify: (received: Received, now: number) => void | Promise<void>
  /** What no two requests may share: a nonce, a count or a proof. */
  readonly unique?: (received: Received) => string | undefined
  /** `WWW-Authenticate` for a request without credentials, for a scheme that waits for it. */
  readonly challenge?: string
  /** Header fields of the 401 for which the scheme sends the request once more. Without it, a 401 is final. */
  readonly renewal?: Readonly<Record<string, string>>
  /** Whether the signature covers every body, so that a body without bytes cannot be sent. */
  readonly coversBody?: true
  /** Texts that no other origin may receive. */
  readonly secrets: ReadonlyArray<string>
}

/** The time of a field in epoch milliseconds must be that of the server, within a second. */
export const checkTime = (millis: number, now: number): void => {
  if (!(Math.abs(millis - now) <= 1500)) throw new Error(`the time is ${millis - now} ms off`)
}

/** Fails unless both are equal. The message shows both. */
export const equal = (what: string, actual: string | undefined, expected: string): void => {
  if (actual !== expected) throw new Error(`${what} is ${String(actual)}, expected ${expected}`)
}

/** The parameters of a field such as `Digest a="b", c=d`. */
export const parametersOf = (field: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...field.matchAll(/([\w*]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g)].map(([, name = "", quoted, token = ""]) => [
      name,
      quoted?.replace(/\\(.)/g, "$1") ?? token
    ])
  )
