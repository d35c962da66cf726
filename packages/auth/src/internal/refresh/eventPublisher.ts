import type { TokenError, TokenStoreError } from "../../Errors.js"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { Token } from "../../Token.js"
import * as TokenEvents from "../../TokenEvents.js"
import type { Damaged } from "../store/guardedStore.js"

type Failure = TokenError | TokenStoreError

/** Publishes the events of one token source. */
export interface EventPublisher {
  readonly publish: (type: TokenEvents.EventType, token?: Token, error?: Failure) => Effect.Effect<void>
  /** Publishes the use of a token by a request. Undefined without the `TokenEvents` service. */
  readonly publishUse: ((token: Token, now: number) => void) | undefined
}

/** Publishes nothing. */
const silent: EventPublisher = { publish: () => Effect.void, publishUse: undefined }

const hexOf = (bytes: ArrayBuffer): string =>
  Array.from(new Uint8Array(bytes, 0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("")

/**
 * By WebCrypto, so that a client with a token contains no hash library. Undefined where it is missing, as on web pages without
 * HTTPS.
 */
const hashOf = (token: Token): Effect.Effect<string | undefined> =>
  Effect.tryPromise(async () =>
    globalThis.crypto.subtle.digest("SHA-256", new TextEncoder().encode(Redacted.value(token.accessToken)))
  ).pipe(
    Effect.map(hexOf),
    Effect.orElseSucceed(() => undefined)
  )

const publisherOf = (events: TokenEvents.Service, key: string): EventPublisher => {
  // Each use of a token publishes its hash, so the hash is computed once.
  const hashes = new WeakMap<Token, string>()
  const cachedHashOf = (token: Token) => {
    const known = hashes.get(token)
    return known === undefined
      ? Effect.tap(hashOf(token), (hash) => Effect.sync(() => hash !== undefined && hashes.set(token, hash)))
      : Effect.succeed(known)
  }
  return {
    publish: (type, token, error) =>
      Effect.gen(function* () {
        const hash = token === undefined ? undefined : yield* cachedHashOf(token)
        events.publish({ _tag: type, at: yield* Clock.currentTimeMillis, key, token: hash, error })
      }),
    publishUse: (token, at) => events.publish({ _tag: "Used", at, key, token: hashes.get(token) })
  }
}

/** Makes the publisher for a key. It publishes nothing without the `TokenEvents` service. */
export const make = (key: string): Effect.Effect<EventPublisher> =>
  Effect.map(
    Effect.serviceOption(TokenEvents.TokenEvents),
    Option.match({ onNone: () => silent, onSome: (events) => publisherOf(events, key) })
  )

/** Reports a damaged record and its new place, once for the same message. */
export const reportDamage = ({ publish }: EventPublisher): Damaged => {
  let lastMessage: string | undefined
  return (error, place) =>
    Effect.suspend(() => {
      const message =
        place === undefined
          ? `${error.message}. A new token serves from memory.`
          : `The token store had damaged data. It was moved to ${JSON.stringify(place)}, and a new token is stored.`
      if (message === lastMessage) return Effect.void
      lastMessage = message
      return Effect.zipRight(
        place === undefined ? Effect.void : publish("Quarantined", undefined, error),
        Effect.logWarning(message)
      )
    })
}
