/** Process that keeps a token in a file while the disk of that file has faults. */
import * as Token from "@countersign/auth/Token"
import * as TokenEvents from "@countersign/auth/TokenEvents"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as FileTokenStore from "@countersign/node/FileTokenStore"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { answer } from "@countersign/bench/Remote"
import { threadOfFiles } from "../crash/fileThread.js"
import type { StoreVariant } from "../disk/storeVariants.js"
import { key, storeVariants } from "../disk/storeVariants.js"

/** A published event. */
export interface RecordedEvent {
  readonly event: TokenEvents.EventType
  readonly error: string
}

const scope = Effect.runSync(Scope.make())
const recorded: Array<RecordedEvent> = []
let source: TokenSource.Service | undefined
let minted = 0
/** The token endpoint: whether it was called, and whether it may respond. */
let refreshStarted = Deferred.unsafeMake<void>(Fiber.id(Fiber.void))
let mayRespond = Deferred.unsafeMake<void>(Fiber.id(Fiber.void))
let refreshing: Promise<boolean> | undefined

const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Promise<A> =>
  Effect.runPromise(effect.pipe(Effect.provide(Logger.remove(Logger.defaultLogger)), Scope.extend(scope)))

const mint = Effect.gen(function* () {
  yield* Deferred.succeed(refreshStarted, undefined)
  yield* Deferred.await(mayRespond)
  minted += 1
  const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
  return {
    ...Token.bearer(Redacted.make(`access-${minted}`), now, 3_600_000),
    refreshToken: Redacted.make(`refresh-${minted}`)
  }
})

const events: TokenEvents.Service["publish"] = ({ _tag, error }) =>
  void recorded.push({ event: _tag, error: error?.message ?? "" })

const makeSource = (path: string, variant: StoreVariant) =>
  Effect.gen(function* () {
    const store = storeVariants[variant](yield* FileTokenStore.make({ path, lockTimeout: "500 millis" }))
    return yield* TokenSource.make({ key, acquireToken: () => mint, propagationDelay: 0 }).pipe(
      Effect.provideService(TokenStore.TokenStore, store),
      Effect.provideServiceEffect(
        TokenEvents.TokenEvents,
        Effect.map(TokenEvents.make, (all) => ({ ...all, publish: events }))
      )
    )
  })

const methods = {
  /** Obtains a first token. Returns the id of the file thread. */
  open: async ({ path, variant }: { readonly path: string; readonly variant: StoreVariant }): Promise<string> => {
    source = await run(makeSource(path, variant))
    Deferred.unsafeDone(mayRespond, Exit.void)
    await run(source.get)
    return threadOfFiles()
  },
  /** Starts a forced refresh. Resolves when the token endpoint was called, or with false if the refresh failed before. */
  renew: async (): Promise<boolean> => {
    if (source === undefined) throw new Error("there is no token source: call open first")
    refreshStarted = await run(Deferred.make<void>())
    mayRespond = await run(Deferred.make<void>())
    const { onRejected, get } = source
    refreshing = run(
      Effect.flatMap(get, ({ generation }) => onRejected(generation)).pipe(Effect.orElseSucceed(() => false))
    )
    return Promise.race([run(Deferred.await(refreshStarted)).then(() => true), refreshing])
  },
  /** Lets the token endpoint respond and waits for the end of the refresh. */
  finish: async (): Promise<boolean> => {
    Deferred.unsafeDone(mayRespond, Exit.void)
    return (await refreshing) ?? false
  },
  /** The token that a request would be sent with, and the last token that the server issued. */
  current: async (): Promise<readonly [current: string, minted: string]> => {
    if (source === undefined) throw new Error("there is no token source: call open first")
    const { token } = await run(source.get)
    return [Redacted.value(token.accessToken), `access-${minted}`]
  },
  /** Events since the last call. */
  takeEvents: (): ReadonlyArray<RecordedEvent> => recorded.splice(0),
  close: (): Promise<void> => Effect.runPromise(Scope.close(scope, Exit.void))
}

/** Methods of the process. */
export type TokenKeeperProcess = typeof methods

answer(methods)
