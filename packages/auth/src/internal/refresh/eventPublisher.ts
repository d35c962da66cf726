import type { TokenError, TokenStoreError } from "@countersign/client/Errors"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { Token } from "../../Token.js"
import * as TokenEvents from "../../TokenEvents.js"
import type { Damaged } from "../store/guardedStore.js"

type Failure = TokenError | TokenStoreError

/** Publishes the events of one token source. */
export interface Telling {
  readonly tell: (kind: TokenEvents.EventType, token?: Token, error?: Failure) => Effect.Effect<void>
  /** Publishes the use of a token by a request. Undefined without the `TokenEvents` service. */
  readonly used: ((token: Token, now: number) => void) | undefined
}

const silent: Telling = { tell: () => Effect.void, used: undefined }

const hexOf = (bytes: ArrayBuffer): string =>
  Array.from(new Uint8Array(bytes, 0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("")

/** The hash of a token's text; computed once a token, since each use tells it. */
const hashOf = (token: Token): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() =>
      globalThis.crypto.subtle.digest("SHA-256", new TextEncoder().encode(Redacted.value(token.accessToken)))
    ),
    hexOf
  )

const to = (events: TokenEvents.Service, key: string): Telling => {
  const hashes = new WeakMap<Token, string>()
  const remembered = (token: Token) => {
    const known = hashes.get(token)
    return known === undefined
      ? Effect.tap(hashOf(token), (hash) => Effect.sync(() => void hashes.set(token, hash)))
      : Effect.succeed(known)
  }
  return {
    tell: (kind, token, error) =>
      Effect.gen(function* () {
        const hash = token === undefined ? undefined : yield* remembered(token)
        events.publish({ _tag: kind, at: yield* Clock.currentTimeMillis, key, token: hash, error })
      }),
    used: (token, at) => events.publish({ _tag: "Used", at, key, token: hashes.get(token) })
  }
}

/** Makes the publisher for a key. It publishes nothing without the `TokenEvents` service. */
export const make = (key: string): Effect.Effect<Telling> =>
  Effect.map(
    Effect.serviceOption(TokenEvents.TokenEvents),
    Option.match({ onNone: () => silent, onSome: (events) => to(events, key) })
  )

/** Says once for each error that stored data was damaged, and where it is now. */
export const damaged = ({ tell }: Telling): Damaged => {
  let told: string | undefined
  return (error, place) =>
    Effect.suspend(() => {
      const message =
        place === undefined
          ? `${error.message}. A new token serves from memory.`
          : `The token store held damaged data. It was moved to ${JSON.stringify(place)}, and a new token is stored.`
      if (message === told) return Effect.void
      told = message
      return Effect.zipRight(
        place === undefined ? Effect.void : tell("Quarantined", undefined, error),
        Effect.logWarning(message)
      )
    })
}
