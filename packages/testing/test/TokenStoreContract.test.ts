/** The contract is worth what it catches: each of these stores does one thing that no store may do. */
import type { Token } from "@countersign/auth/Token"
import * as TokenStore from "@countersign/auth/TokenStore"
import { TokenStoreError } from "@countersign/client/Errors"
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

/** The store in memory, with something else in the place of what it does. */
const broken = (change: (store: Service) => Partial<Service>): TokenStoreContract.Harness => ({
  place: Effect.void,
  open: () => Effect.map(TokenStore.makeMemory, (store) => ({ ...store, ...change(store) }))
})

/** Ends a case that hangs. A case that must pass gets more time, because a busy machine needs it. */
const limits = { failing: "1 second", passing: "20 seconds" } as const

/** The names of the cases, of all or of those in question, that a store does not pass. */
const failing = <Place>(
  harness: TokenStoreContract.Harness<Place>,
  only?: ReadonlyArray<string>,
  limit: (typeof limits)[keyof typeof limits] = limits.failing
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
    "does not look at the version",
    (store) => ({
      compareAndSet: (key, _, token) =>
        Effect.flatMap(store.get(key), (found) =>
          store.compareAndSet(key, Option.match(found, { onNone: () => 0, onSome: ({ version }) => version }), token)
        )
    }),
    "writes nothing where another version is there than was expected"
  ],
  [
    "looks at the version, and writes later",
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
    "lets one of many writers win who expect the same version"
  ],
  ["excludes nobody", () => ({ withLock: () => (effect) => effect }), "lets one at a time into what is exclusive"],
  [
    "has one lock for all keys",
    (store) => ({ withLock: () => store.withLock("all") }),
    "lets the users of two keys in at once"
  ],
  [
    "keeps its lock after a failure",
    () => {
      const lock = Effect.unsafeMakeSemaphore(1)
      return { withLock: () => (effect) => Effect.zipLeft(Effect.zipRight(lock.take(1), effect), lock.release(1)) }
    },
    "is free again after a failure and a defect within what is exclusive, which come out as they are"
  ],
  [
    "locks its reads",
    (store) => ({ get: (key) => store.withLock(key)(store.get(key)) }),
    "can be read and written within what is exclusive, and beside it"
  ],
  [
    "counts anew after a removal",
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
    "goes on counting after a removal"
  ],
  [
    "takes keys that differ in their case for one",
    (store) => ({
      get: (key) => store.get(key.toLowerCase()),
      compareAndSet: (key, expected, token) => store.compareAndSet(key.toLowerCase(), expected, token)
    }),
    "keeps any two keys apart, whatever characters they hold"
  ],
  [
    "drops who issued a token",
    without("issued"),
    "gives back a token with all that belongs to it, and counts versions from 1"
  ],
  [
    "drops that a refresh was begun",
    without("refreshingSince"),
    "gives back a token with all that belongs to it, and counts versions from 1"
  ],
  [
    "dies of what is large",
    (store) => ({
      compareAndSet: (key, expected, token) =>
        Redacted.value(token.accessToken).length > 1024
          ? Effect.die("too large")
          : store.compareAndSet(key, expected, token)
    }),
    "stores a key and a token of 4 MiB in good time, or refuses them, and harms nothing else"
  ],
  [
    "gives back the record that was written last, of whatever key",
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
    "keeps any two keys apart, whatever characters they hold"
  ],
  [
    "writes ill-formed text as something else",
    (store) => ({
      compareAndSet: (key, expected, token) =>
        store.compareAndSet(key, expected, {
          ...token,
          scope: token.scope && new TextDecoder().decode(new TextEncoder().encode(token.scope))
        })
    }),
    "gives back a token of any texts as it was, or refuses it"
  ],
  [
    "writes what is no number as null, as JSON does",
    (store) => ({
      compareAndSet: (key, expected, token) =>
        store.compareAndSet(key, expected, {
          ...token,
          obtainedAt: Number.isFinite(token.obtainedAt) ? token.obtainedAt : 0
        })
    }),
    "gives back a token that makes no sense as it was, or refuses it"
  ],
  [
    "takes for granted that a token is one",
    (store) => ({
      compareAndSet: (key, expected, token) =>
        Effect.zipRight(
          Effect.sync(() => Redacted.value(token.accessToken).length),
          store.compareAndSet(key, expected, token)
        )
    }),
    "is not harmed by what is no token at all"
  ],
  [
    "writes whatever it is given as JSON",
    (store) => ({
      compareAndSet: (key, expected, token) =>
        Effect.zipRight(
          Effect.sync(() => JSON.stringify({ key, secret: Redacted.value(token.accessToken) })),
          store.compareAndSet(key, expected, token)
        )
    }),
    "stores a key of 16 MiB and a token of 128 MiB in good time, or refuses them, and harms nothing else"
  ],
  [
    "writes in two steps that may be interrupted",
    (store) => ({
      compareAndSet: (key, expected, token) =>
        Effect.gen(function* () {
          const half = yield* store.compareAndSet(key, expected, { ...token, accessToken: Redacted.make("half") })
          if (Option.isNone(half)) return half
          yield* Effect.sleep("20 millis")
          return yield* store.compareAndSet(key, half.value.version, token)
        })
    }),
    "has stored a write that was interrupted whole or not at all, and goes on from there"
  ],
  [
    "says that it reaches other processes",
    () => ({ lockScope: "host" }),
    "says how far its exclusion reaches, and no further than can be seen"
  ]
]

describe("a store that", () => {
  for (const [what, change, name] of mutants) {
    it.live(`${what} is caught`, () =>
      Effect.map(failing(broken(change), [name]), (names) => expect(names).toEqual([name]))
    )
  }
})

const Record = Schema.parseJson(Schema.Struct({ version: Schema.Int, token: Schema.optional(Tokens.Token) }))

/** No string holds what is long enough: JSON dies of it. */
const encode = (record: typeof Record.Type) =>
  Effect.catchAllDefect(Schema.encode(Record)(record), () => Effect.fail("too long"))

type Damaged = "refused" | "taken for none" | "taken as it is" | "shown"

interface Place {
  bytes: Uint8Array | undefined
  full: boolean
  readonly lock: Effect.Semaphore
}

const write = (store: Service, expected: number, name: string) =>
  store.compareAndSet("key", expected, Tokens.bearer(Redacted.make(`canary-${name}`), 0))

/** A place for one record, as bytes with a checksum, and a store that two of can be opened on it. */
const bytesStore = (damaged: Damaged, options: { readonly alone?: boolean; readonly rash?: boolean } = {}) => {
  const sum = (text: string) => createHash("sha256").update(text).digest("hex")
  const refused = (detail: string) => new TokenStoreError({ reason: "Corrupt", detail })
  const decode = (place: Place) =>
    Effect.gen(function* () {
      if (place.bytes === undefined) return { version: 0, token: undefined }
      const text = new TextDecoder().decode(place.bytes)
      const intact = sum(text.slice(64)) === text.slice(0, 64)
      const body = damaged === "taken as it is" || intact ? text.slice(64) : ""
      return yield* Effect.catchAll(Schema.decode(Record)(body), () => {
        if (damaged === "taken for none") return Effect.succeed({ version: 0, token: undefined })
        return refused(damaged === "shown" ? text : "it is damaged")
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

describe("a store of bytes", () => {
  const apart = [
    "keeps any two keys apart, whatever characters they hold",
    "stores a key and a token of 4 MiB in good time, or refuses them, and harms nothing else",
    "stores a key of 16 MiB and a token of 128 MiB in good time, or refuses them, and harms nothing else",
    "lets the users of two keys in at once",
    "loses no write to another key by somebody else"
  ]
  const damage = [
    "notices that it was cut, at each byte, and leaves it as it is",
    "notices that bit 0 of any byte is another, and leaves it as it is"
  ]
  const ofAll = "lets one at a time into what is exclusive, of all who opened it"
  const noRoom = "says that it could not write, keeps the record, and writes again when there is room"
  const noRecord = "notices what is no record at all"

  it.live("that notices damage passes all but what one record for all keys cannot do", () =>
    Effect.map(failing(bytesStore("refused"), undefined, limits.passing), (names) => expect(names).toEqual(apart))
  )

  it.live("that takes damage for no record, shows it, or takes it as it is, is caught", () =>
    Effect.gen(function* () {
      const all = [...damage, noRecord]
      expect(yield* failing(bytesStore("taken for none"), all)).toEqual(all)
      expect(yield* failing(bytesStore("shown"), damage)).toEqual(damage)
      expect(yield* failing(bytesStore("taken as it is"), damage)).toContain(damage[1])
    })
  )

  const killed = "keeps a whole record when a process is killed that writes it, and is free again at once"
  const kills: ReadonlyArray<
    readonly [string, boolean, (store: Service, round: number) => Effect.Effect<unknown, unknown>]
  > = [
    ["leaves a whole record is fine", true, (store, round) => write(store, round, `v${round + 1}`)],
    ["is left half written is caught", false, (store, round) => write(store, round, "half")],
    ["loses what it had is caught", false, (store, round) => store.remove("key", round)],
    [
      "keeps what it held is caught",
      false,
      (store, round) =>
        Effect.all([
          write(store, round, `v${round + 1}`),
          Effect.forkDaemon(store.withLock("key")(Effect.never)),
          Effect.yieldNow()
        ])
    ]
  ]
  for (const [what, isFine, kill] of kills) {
    it.live(`that is killed and ${what}`, () =>
      Effect.gen(function* () {
        const harness = bytesStore("refused")
        // Versions grow by two a round: one by the process that was killed, one by the case.
        let round = -2
        const one = {
          ...harness,
          kill: (place: Place) => Effect.flatMap(harness.open(place), (store) => Effect.exit(kill(store, (round += 2))))
        }
        expect(yield* failing(one, [killed], isFine ? limits.passing : limits.failing)).toEqual(isFine ? [] : [killed])
      })
    )
  }

  it.live("whose exclusion is each process's own is caught", () =>
    Effect.map(failing(bytesStore("refused", { alone: true }), [ofAll]), (names) => expect(names).toEqual([ofAll]))
  )

  it.live("that reports as stored what had no room is caught", () =>
    Effect.map(failing(bytesStore("refused", { rash: true }), [noRoom]), (names) => expect(names).toEqual([noRoom]))
  )
})
