/** A process that keeps one token in a file, while something is wrong with the disk that the file is on. */
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
import type { Saver } from "../disk/storeVariants.js"
import { key, savers } from "../disk/storeVariants.js"

/** What was told of a token. */
export interface Told {
  readonly event: TokenEvents.Kind
  readonly error: string
}

const scope = Effect.runSync(Scope.make())
const told: Array<Told> = []
let source: TokenSource.Service | undefined
let minted = 0
/** The server's side of a refresh: that it has begun, and that it may answer. */
let begun = Deferred.unsafeMake<void>(Fiber.id(Fiber.void))
let answered = Deferred.unsafeMake<void>(Fiber.id(Fiber.void))
let renewing: Promise<boolean> | undefined

const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Promise<A> =>
  Effect.runPromise(effect.pipe(Effect.provide(Logger.remove(Logger.defaultLogger)), Scope.extend(scope)))

const mint = Effect.gen(function* () {
  yield* Deferred.succeed(begun, undefined)
  yield* Deferred.await(answered)
  minted += 1
  const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
  return {
    ...Token.bearer(Redacted.make(`access-${minted}`), now, 3_600_000),
    refreshToken: Redacted.make(`refresh-${minted}`)
  }
})

const events: TokenEvents.Service["tell"] = ({ _tag, error }) =>
  void told.push({ event: _tag, error: error?.message ?? "" })

const opened = (path: string, saver: Saver) =>
  Effect.gen(function* () {
    const store = savers[saver](yield* FileTokenStore.make({ path, lockTimeout: "500 millis" }))
    return yield* TokenSource.make({ key, mint: () => mint, settling: 0 }).pipe(
      Effect.provideService(TokenStore.TokenStore, store),
      Effect.provideServiceEffect(
        TokenEvents.TokenEvents,
        Effect.map(TokenEvents.make, (all) => ({ ...all, tell: events }))
      )
    )
  })

const methods = {
  /** Gets a first token, and gives the thread that files are written in. */
  open: async ({ path, saver }: { readonly path: string; readonly saver: Saver }): Promise<string> => {
    source = await run(opened(path, saver))
    Deferred.unsafeDone(answered, Exit.void)
    await run(source.get)
    return threadOfFiles()
  },
  /** Begins to replace the token, and comes back when the server is asked, or when that has come to nothing. */
  renew: async (): Promise<boolean> => {
    if (source === undefined) throw new Error("it is not open")
    begun = await run(Deferred.make<void>())
    answered = await run(Deferred.make<void>())
    const { renew, get } = source
    renewing = run(Effect.flatMap(get, ({ generation }) => renew(generation)).pipe(Effect.orElseSucceed(() => false)))
    return Promise.race([run(Deferred.await(begun)).then(() => true), renewing])
  },
  /** Lets the server answer, and waits for what comes of it. */
  finish: async (): Promise<boolean> => {
    Deferred.unsafeDone(answered, Exit.void)
    return (await renewing) ?? false
  },
  /** The token that a request would be sent with, and the last one that the server has given out. */
  current: async (): Promise<readonly [current: string, minted: string]> => {
    if (source === undefined) throw new Error("it is not open")
    const { token } = await run(source.get)
    return [Redacted.value(token.accessToken), `access-${minted}`]
  },
  /** What was told since the last time. */
  told: (): ReadonlyArray<Told> => told.splice(0),
  close: (): Promise<void> => Effect.runPromise(Scope.close(scope, Exit.void))
}

/** What the process answers to. */
export type TokenKeeperProcess = typeof methods

answer(methods)
