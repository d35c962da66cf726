/** Each of these stores violates the contract in one way, which its cases must detect. */
import type { Token } from "@countersign/auth/Token"
import * as TokenStore from "@countersign/auth/TokenStore"
import { TokenStoreError } from "@countersign/auth/Errors"
import * as LeaseLock from "@countersign/auth/LeaseLock"
import * as TokenStoreContract from "@countersign/testing/TokenStoreContract"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Tokens from "@countersign/auth/Token"
import { createHash } from "node:crypto"

type Service = TokenStore.Service

/** The memory store with changed methods. */
const mutant = (change: (store: Service) => Partial<Service>): TokenStoreContract.Harness => ({
  place: Effect.void,
  open: () => Effect.map(TokenStore.makeMemory, (store) => ({ ...store, ...change(store) }))
})

/** Ends a case that hangs. A case that must pass gets more time, because a busy machine needs it. */
const limits = { failingCases: "1 second", passing: "20 seconds" } as const

/** Names of the cases that a store fails, of all or of `only`. */
const failingCases = <Place>(
  harness: TokenStoreContract.Harness<Place>,
  only?: ReadonlyArray<string>,
  limit: (typeof limits)[keyof typeof limits] = limits.failingCases
) =>
  Effect.map(
    Effect.forEach(
      TokenStoreContract.cases(harness).filter(({ name }) => only?.includes(name) ?? true),
      ({ name, run }) =>
        Effect.map(Effect.exit(Effect.timeout(run, limit)), (exit) => (Exit.isFailure(exit) ? [name] : []))
    ),
    (names) => names.flat()
  )

const without = (field: keyof Token) => (store: Service) => ({
  compareAndSet: (key: string, expected: number, token: Token) =>
    store.compareAndSet(key, expected, { ...token, [field]: undefined })
})

const mutants: ReadonlyArray<readonly [string, (store: Service) => Partial<Service>, string]> = [
  [
    "ignores the version",
    (store) => ({
      compareAndSet: (key, _, token) =>
        Effect.flatMap(store.get(key), (found) =>
          store.compareAndSet(key, Option.match(found, { onNone: () => 0, onSome: ({ version }) => version }), token)
        )
    }),
    "writes nothing when the expected version differs"
  ],
  [
    "checks the version and writes later",
    (store) => ({
      compareAndSet: (key, expected, token) =>
        Effect.gen(function* () {
          const found = yield* store.get(key)
          const version = Option.match(found, { onNone: () => 0, onSome: (stored) => stored.version })
          if (version !== expected) return Option.none()
          yield* Effect.yieldNow()
          const now = yield* store.get(key)
          const last = Option.match(now, { onNone: () => 0, onSome: (stored) => stored.version })
          return yield* store.compareAndSet(key, last, token)
        })
    }),
    "lets one of many writers succeed that expect the same version"
  ],
  ["has no lock", () => ({ withLock: () => (effect) => effect }), "admits one at a time into the lock"],
  [
    "has one lock for all keys",
    (store) => ({ withLock: () => store.withLock("all") }),
    "admits users of two keys at once"
  ],
  [
    "keeps its lock after a failure",
    () => {
      const lock = Effect.unsafeMakeSemaphore(1)
      return { withLock: () => (effect) => Effect.zipLeft(Effect.zipRight(lock.take(1), effect), lock.release(1)) }
    },
    "frees the lock after a failure and a defect, and passes them on"
  ],
  [
    "locks its reads",
    (store) => ({ get: (key) => store.withLock(key)(store.get(key)) }),
    "allows reads and writes inside and outside of a held lock"
  ],
  [
    "restarts versions after a removal",
    (store) => {
      let gone = 0
      return {
        remove: (key, expected) =>
          Effect.tap(store.remove(key, expected), (removed) => (removed ? (gone = expected) : 0)),
        compareAndSet: (key, expected, token) =>
          Effect.map(
            store.compareAndSet(key, expected, token),
            Option.map((stored) => ({ ...stored, version: stored.version - gone }))
          )
      }
    },
    "continues counting versions after a removal"
  ],
  [
    "compares keys case-insensitively",
    (store) => ({
      get: (key) => store.get(key.toLowerCase()),
      compareAndSet: (key, expected, token) => store.compareAndSet(key.toLowerCase(), expected, token)
    }),
    "separates any two keys, whatever characters they contain"
  ],
  ["drops issued", without("owner"), "returns a token with all its fields and counts versions from 1"],
  [
    "drops refreshStartedAt",
    without("refreshStartedAt"),
    "returns a token with all its fields and counts versions from 1"
  ],
  [
    "dies on large tokens",
    (store) => ({
      compareAndSet: (key, expected, token) =>
        Redacted.value(token.accessToken).length > 1024
          ? Effect.die("too large")
          : store.compareAndSet(key, expected, token)
    }),
    "stores a key and a token of 4 MiB quickly or rejects them, and stays usable"
  ],
  [
    "returns the last written record for any key",
    (store) => {
      let last = "key"
      return {
        get: (key) =>
          Effect.flatMap(store.get(key), (found) => (Option.isSome(found) ? store.get(last) : store.get(key))),
        compareAndSet: (key, expected, token) =>
          Effect.zipRight(
            Effect.sync(() => (last = key)),
            store.compareAndSet(key, expected, token)
          )
      }
    },
    "separates any two keys, whatever characters they contain"
  ],
  [
    "replaces ill-formed text",
    (store) => ({
      compareAndSet: (key, expected, token) =>
        store.compareAndSet(key, expected, {
          ...token,
          scope: token.scope && new TextDecoder().decode(new TextEncoder().encode(token.scope))
        })
    }),
    "returns a token with any texts unchanged, or rejects it"
  ],
  [
    "writes invalid numbers as 0",
    (store) => ({
      compareAndSet: (key, expected, token) =>
        store.compareAndSet(key, expected, {
          ...token,
          receivedAt: Number.isFinite(token.receivedAt) ? token.receivedAt : 0
        })
    }),
    "returns a token with invalid times unchanged, or rejects it"
  ],
  [
    "does not validate tokens",
    (store) => ({
      compareAndSet: (key, expected, token) =>
        Effect.zipRight(
          Effect.sync(() => Redacted.value(token.accessToken).length),
          store.compareAndSet(key, expected, token)
        )
    }),
    "stays usable after values that are no tokens"
  ],
  [
    "writes any size as JSON",
    (store) => ({
      compareAndSet: (key, expected, token) =>
        Effect.zipRight(
          Effect.sync(() => JSON.stringify({ key, secret: Redacted.value(token.accessToken) })),
          store.compareAndSet(key, expected, token)
        )
    }),
    "stores a key of 16 MiB and a token of 128 MiB quickly or rejects them, and stays usable"
  ],
  [
    "writes in two interruptible steps",
    (store) => ({
      compareAndSet: (key, expected, token) =>
        Effect.gen(function* () {
          const half = yield* store.compareAndSet(key, expected, { ...token, accessToken: Redacted.make("half") })
          if (Option.isNone(half)) return half
          yield* Effect.sleep("20 millis")
          return yield* store.compareAndSet(key, half.value.version, token)
        })
    }),
    "stores an interrupted write whole or not at all, and accepts the next write"
  ],
  [
    "declares a lock scope of other processes",
    () => ({ lockScope: "host" }),
    "declares a lock scope that the harness can verify"
  ]
]

describe("TokenStoreContract.cases", () => {
  for (const [what, change, name] of mutants) {
    it.live(`detects a store that ${what}`, () =>
      Effect.map(failingCases(mutant(change), [name]), (names) => expect(names).toEqual([name]))
    )
  }
})

const Record = Schema.parseJson(Schema.Struct({ version: Schema.Int, token: Schema.optional(Tokens.Token) }))

/** JSON throws for a text that exceeds the maximum string length. */
const encode = (record: typeof Record.Type) =>
  Effect.catchAllDefect(Schema.encode(Record)(record), () => Effect.fail("too long"))

type DamageHandling = "refused" | "taken for none" | "taken as it is" | "shown"

interface Place {
  bytes: Uint8Array | undefined
  full: boolean
  readonly lock: Effect.Semaphore
}

const write = (store: Service, expected: number, name: string) =>
  store.compareAndSet("key", expected, Tokens.bearer(Redacted.make(`canary-${name}`), 0))

/** A harness for one record, stored as bytes with a checksum. Its stores share a place. */
const bytesStore = (onDamage: DamageHandling, options: { readonly alone?: boolean; readonly rash?: boolean } = {}) => {
  const sum = (text: string) => createHash("sha256").update(text).digest("hex")
  const refused = (detail: string) => new TokenStoreError({ reason: "Corrupt", detail })
  const decode = (place: Place) =>
    Effect.gen(function* () {
      if (place.bytes === undefined) return { version: 0, token: undefined }
      const text = new TextDecoder().decode(place.bytes)
      const intact = sum(text.slice(64)) === text.slice(0, 64)
      const body = onDamage === "taken as it is" || intact ? text.slice(64) : ""
      return yield* Effect.catchAll(Schema.decode(Record)(body), () => {
        if (onDamage === "taken for none") return Effect.succeed({ version: 0, token: undefined })
        return refused(onDamage === "shown" ? text : "it is damaged")
      })
    })
  const open = (place: Place): Effect.Effect<Service> =>
    Effect.sync(() => {
      const lock = options.alone === true ? Effect.unsafeMakeSemaphore(1) : place.lock
      return {
        lockScope: "host",
        get: () =>
          Effect.map(decode(place), ({ token, version }) =>
            token === undefined ? Option.none() : Option.some({ token, version })
          ),
        compareAndSet: (_, expected, token) =>
          Effect.gen(function* () {
            const now = yield* decode(place)
            if ((now.token === undefined ? 0 : now.version) !== expected) return Option.none()
            const stored = { version: now.version + 1, token }
            if (place.full && options.rash !== true) return yield* refused("the disk is full")
            const text = yield* Effect.mapError(encode(stored), () => refused("it cannot be written"))
            if (!place.full) place.bytes = new TextEncoder().encode(sum(text) + text)
            return Option.some(stored)
          }),
        remove: (_, expected) =>
          Effect.map(decode(place), ({ token, version }) => {
            if (token === undefined || version !== expected) return false
            const text = JSON.stringify({ version })
            place.bytes = new TextEncoder().encode(sum(text) + text)
            return true
          }),
        withLock: () => lock.withPermits(1)
      }
    })
  const harness: TokenStoreContract.Harness<Place> = {
    place: Effect.sync(() => ({ bytes: undefined, full: false, lock: Effect.unsafeMakeSemaphore(1) })),
    open,
    isShared: true,
    bytes: (place) => ({
      read: Effect.sync(() => place.bytes ?? new Uint8Array()),
      write: (bytes) => Effect.sync(() => void (place.bytes = bytes))
    }),
    disk: (place) => ({
      fill: Effect.sync(() => void (place.full = true)),
      free: Effect.sync(() => void (place.full = false))
    })
  }
  return harness
}

describe("TokenStoreContract.cases with bytes and disk", () => {
  const multiKeyCases = [
    "separates any two keys, whatever characters they contain",
    "stores a key and a token of 4 MiB quickly or rejects them, and stays usable",
    "stores a key of 16 MiB and a token of 128 MiB quickly or rejects them, and stays usable",
    "admits users of two keys at once",
    "keeps concurrent writes of two processes to different keys"
  ]
  const damageCases = [
    "detects truncation at each byte and keeps the damaged record",
    "detects a flipped bit 0 of any byte and keeps the damaged record"
  ]
  const crossProcessLock = "admits one process at a time into the lock"
  const fullDisk = "fails a write to a full disk, keeps the record, and writes again when there is room"
  const noRecord = "detects content that is no record"

  it.live("passes a store that detects damage, except for cases that need several keys", () =>
    Effect.map(failingCases(bytesStore("refused"), undefined, limits.passing), (names) =>
      expect(names).toEqual(multiKeyCases)
    )
  )

  it.live("detects a store that ignores damage, exposes it or returns it", () =>
    Effect.gen(function* () {
      const all = [...damageCases, noRecord]
      expect(yield* failingCases(bytesStore("taken for none"), all)).toEqual(all)
      expect(yield* failingCases(bytesStore("shown"), damageCases)).toEqual(damageCases)
      expect(yield* failingCases(bytesStore("taken as it is"), damageCases)).toContain(damageCases[1])
    })
  )

  const crashCase = "keeps a whole record and frees its lock when a writing process is killed"
  const kills: ReadonlyArray<
    readonly [string, boolean, (store: Service, round: number) => Effect.Effect<unknown, unknown>]
  > = [
    ["passes a store that leaves a whole record", true, (store, round) => write(store, round, `v${round + 1}`)],
    ["detects a store that leaves a half-written record", false, (store, round) => write(store, round, "half")],
    ["detects a store that loses its record", false, (store, round) => store.remove("key", round)],
    [
      "detects a store that keeps its lock",
      false,
      (store, round) =>
        Effect.all([
          write(store, round, `v${round + 1}`),
          Effect.forkDaemon(store.withLock("key")(Effect.never)),
          Effect.yieldNow()
        ])
    ]
  ]
  for (const [what, passes, kill] of kills) {
    it.live(`${what} when its process is killed`, () =>
      Effect.gen(function* () {
        const harness = bytesStore("refused")
        // Versions grow by two per round: one by the killed process, one by the case.
        let round = -2
        const one = {
          ...harness,
          kill: (place: Place) => Effect.flatMap(harness.open(place), (store) => Effect.exit(kill(store, (round += 2))))
        }
        expect(yield* failingCases(one, [crashCase], passes ? limits.passing : limits.failingCases)).toEqual(
          passes ? [] : [crashCase]
        )
      })
    )
  }

  it.live("detects a store with a lock that is local to the process", () =>
    Effect.map(failingCases(bytesStore("refused", { alone: true }), [crossProcessLock]), (names) =>
      expect(names).toEqual([crossProcessLock])
    )
  )

  it.live("detects a store that reports a write to a full disk as stored", () =>
    Effect.map(failingCases(bytesStore("refused", { rash: true }), [fullDisk]), (names) =>
      expect(names).toEqual([fullDisk])
    )
  )
})

describe("TokenStoreContract.cases with connections and leases", () => {
  const memory = { place: TokenStore.makeMemory, open: (store: Service) => Effect.succeed(store) }
  const poolCases = [
    "admits one of two stores with one pool of connections at a time into the lock",
    "reads and writes inside of a held lock while another store with the same pool waits for the lock"
  ]
  const leaseCase = "reports a lost lock by Lease.isHeld, and does not interrupt its holder"
  const responseCases = [
    "does not report a write as refused when its response is lost, and finds it with the next read",
    "does not report a removal as refused when its response is lost"
  ]

  it.live("passes two stores with one lock and the same records, and detects separate stores", () =>
    Effect.gen(function* () {
      const shared = { ...memory, pooled: (store: Service) => Effect.succeed([store, store] as const) }
      expect(yield* failingCases(shared, poolCases, limits.passing)).toEqual([])
      const separate = { ...memory, pooled: () => Effect.all([TokenStore.makeMemory, TokenStore.makeMemory]) }
      expect(yield* failingCases(separate, poolCases)).toEqual(poolCases)
    })
  )

  /** A store with leases in a map. `change` can hide or end them. */
  const leased = (
    change: (withLock: Service["withLock"]) => Service["withLock"]
  ): TokenStoreContract.Harness<{ readonly store: Service; readonly locks: Map<string, string> }> => ({
    place: Effect.map(TokenStore.makeMemory, (store) => ({ store, locks: new Map<string, string>() })),
    open: ({ locks, store }) =>
      Effect.sync(() => {
        const take = (name: string, owner: string) =>
          Effect.sync(() => {
            const isFree = !locks.has(name) || locks.get(name) === owner
            if (isFree) locks.set(name, owner)
            return isFree
          })
        const release = (name: string, owner: string) =>
          Effect.sync(() => {
            if (locks.get(name) === owner) locks.delete(name)
          })
        const withLock = LeaseLock.make({ acquire: take, renew: take, release }, { lease: "300 millis" })
        return { ...store, withLock: change(withLock) }
      }),
    loseLocks: ({ locks }) =>
      Effect.sync(() => {
        locks.clear()
      })
  })

  it.live(
    "passes a store that reports the loss of its lock, and detects one that hides it or interrupts its holder",
    () =>
      Effect.gen(function* () {
        expect(
          yield* failingCases(
            leased((withLock) => withLock),
            [leaseCase],
            limits.passing
          )
        ).toEqual([])
        const hidden = leased(
          (withLock) => (key) => (effect) =>
            withLock(key)(Effect.provideService(effect, TokenStore.Lease, { isHeld: Effect.succeed(true) }))
        )
        expect(yield* failingCases(hidden, [leaseCase])).toEqual([leaseCase])
        const interrupting = leased(
          (withLock) => (key) => (effect) =>
            withLock(key)(
              Effect.flatMap(TokenStore.Lease, ({ isHeld }) => {
                const lost = Effect.repeat(Effect.delay(isHeld, "10 millis"), { until: (held) => !held })
                return Effect.raceFirst(effect, Effect.zipRight(lost, Effect.interrupt))
              })
            )
        )
        expect(yield* failingCases(interrupting, [leaseCase])).toEqual([leaseCase])
      })
  )

  const lost = new TokenStoreError({ reason: "WriteFailed", detail: "no response" })

  /** A store that loses responses. `onLoss` is what it reports then. */
  const lossy = <A>(onLoss: (result: A) => Effect.Effect<A, TokenStoreError>, isDone = true) => ({
    ...memory,
    lossy: (store: Service) =>
      Effect.sync(() => {
        let isNext = false
        const losing = (change: Effect.Effect<unknown, TokenStoreError>) =>
          Effect.suspend(() => {
            if (!isNext) return change
            isNext = false
            return isDone ? Effect.flatMap(change, (result) => onLoss(result as A)) : Effect.fail(lost)
          })
        const lossyStore: Service = {
          ...store,
          // Both results are those of the inner store, or of `onLoss`.
          compareAndSet: (...args) => losing(store.compareAndSet(...args)) as ReturnType<Service["compareAndSet"]>,
          remove: (...args) => losing(store.remove(...args)) as ReturnType<Service["remove"]>
        }
        return { store: lossyStore, loseNext: Effect.sync(() => void (isNext = true)) }
      })
  })

  it.live("passes a store that fails or verifies when a response is lost, and detects one that reports a refusal", () =>
    Effect.gen(function* () {
      expect(
        yield* failingCases(
          lossy(() => Effect.fail(lost)),
          responseCases,
          limits.passing
        )
      ).toEqual([])
      expect(yield* failingCases(lossy(Effect.succeed), responseCases, limits.passing)).toEqual([])
      const refused = lossy<unknown>((result) => Effect.succeed(typeof result === "boolean" ? false : Option.none()))
      expect(yield* failingCases(refused, responseCases)).toEqual(responseCases)
      expect(yield* failingCases(lossy(Effect.succeed, false), responseCases)).toEqual(responseCases)
    })
  )
})
