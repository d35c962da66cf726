/** One of several processes that call an API with the token of one account, which they share in one store. */
import * as OAuth2 from "@countersign/auth/OAuth2"
import type * as Token from "@countersign/auth/Token"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import { TokenError } from "@countersign/auth/Errors"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { answer } from "@countersign/bench/Remote"
import { failedField, processField, waitedField } from "../processes/strictServer.js"
import type { Reader } from "../processes/storeVariants.js"
import { readers } from "../processes/storeVariants.js"
import * as SharedStore from "../processes/sharedStore.js"

/** Options of the process. */
export interface Sharing {
  readonly place: SharedStore.Place
  /** Folder in which a process says that it holds the lock. */
  readonly folder: string
  readonly issuer: string
  /** Milliseconds by which its wall clock is ahead of other processes. */
  readonly ahead: number
  readonly reader: Reader
}

/** Shifts the wall clock and keeps the monotonic clock. */
const shifted = (ahead: number): Clock.Clock => {
  const clock = Clock.make()
  return {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    sleep: (duration) => clock.sleep(duration),
    unsafeCurrentTimeMillis: () => clock.unsafeCurrentTimeMillis() + ahead,
    unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos(),
    currentTimeMillis: Effect.map(clock.currentTimeMillis, (now) => now + ahead),
    currentTimeNanos: clock.currentTimeNanos
  }
}

const signedOut = new TokenError({ reason: "ReauthorizationRequired", detail: "no user has signed in" })

const sourceOf = ({ folder, issuer, place, reader }: Sharing) =>
  Effect.gen(function* () {
    const { refresh } = yield* OAuth2.make({
      issuer,
      clientId: "shared-account",
      clientSecret: Redacted.make("secret"),
      tokenEndpoint: `${issuer}/token`,
      transport: OAuth2.dangerouslyAllowHttpOnLoopback
    })
    const mint: TokenSource.Options["acquireToken"] = (previous) =>
      Option.match(
        Option.flatMapNullable(previous, ({ refreshToken }) => refreshToken),
        { onNone: () => Effect.fail(signedOut), onSome: refresh }
      )
    const store = SharedStore.marked(readers[reader](yield* SharedStore.open(place)), folder)
    // Each process knows that this API accepts a new token at once.
    return yield* Effect.provideService(
      TokenSource.make({ key: SharedStore.key, acquireToken: mint, propagationDelay: 0 }),
      TokenStore.TokenStore,
      store
    )
  })

/** Error of the last failed call, until it was reported to the server. */
let failed: string | undefined

const send = (issuer: string, token: Token.Token, waited: number) =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const reported = failed === undefined ? {} : { [failedField]: failed }
    failed = undefined
    const response = yield* client.execute(
      HttpClientRequest.get(`${issuer}/resource`, {
        headers: {
          authorization: `Bearer ${Redacted.value(token.accessToken)}`,
          [processField]: String(process.pid),
          [waitedField]: waited.toFixed(1),
          ...reported
        }
      })
    )
    yield* response.text
    return response.status
  })

/** Calls the API and refreshes after a 401. On a busy machine such a short-lived token may expire before it arrives. */
const call = (
  issuer: string,
  source: TokenSource.Service,
  sends = 100
): Effect.Effect<void, unknown, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const startedAt = performance.now()
    const { generation, token } = yield* source.get
    const status = yield* send(issuer, token, performance.now() - startedAt)
    if (status === 200) return
    if (sends === 1) return yield* Effect.fail({ _tag: `Status${status}` })
    yield* source.onRejected(generation)
    yield* call(issuer, source, sends - 1)
  })

const reasonOf = (error: unknown): string => {
  if (typeof error !== "object" || error === null || !("_tag" in error)) return String(error)
  return "reason" in error ? `${String(error._tag)} ${String(error.reason)}` : String(error._tag)
}

const fail = (reason: string) =>
  Effect.zipRight(
    Effect.sync(() => (failed = reason)),
    Effect.sleep("20 millis")
  )

let isOver = false
const scope = Effect.runSync(Scope.make())
let calling: Fiber.RuntimeFiber<void> | undefined

const methods = {
  /** Starts to call. Returns the id of this process. */
  begin: async (sharing: Sharing): Promise<number> => {
    const client = Effect.map(
      HttpClient.HttpClient,
      HttpClient.mapRequest(HttpClientRequest.setHeader(processField, String(process.pid)))
    ).pipe(Effect.provide(FetchHttpClient.layer))
    const start = Effect.gen(function* () {
      const source = yield* Effect.provideServiceEffect(sourceOf(sharing), HttpClient.HttpClient, client)
      const once = call(sharing.issuer, source).pipe(
        Effect.matchEffect({ onFailure: (error) => fail(reasonOf(error)), onSuccess: () => Effect.sleep("2 millis") }),
        Effect.catchAllDefect((defect) => fail(`Defect ${String(defect)}`))
      )
      return yield* Effect.forkDaemon(Effect.asVoid(Effect.repeat(once, { until: () => isOver })))
    })
    calling = await Effect.runPromise(
      start.pipe(
        Effect.provide(FetchHttpClient.layer),
        Effect.provide(Logger.remove(Logger.defaultLogger)),
        Effect.withClock(shifted(sharing.ahead)),
        Scope.extend(scope)
      )
    )
    return process.pid
  },
  /** Ends after the running call, and stores tokens that were not stored yet. */
  end: async (): Promise<void> => {
    isOver = true
    if (calling !== undefined) await Effect.runPromise(Fiber.join(calling))
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
}

/** Methods of the process. */
export type SharedAccountProcess = typeof methods

answer(methods)
