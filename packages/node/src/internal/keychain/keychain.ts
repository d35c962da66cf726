import type * as TokenStore from "@countersign/auth/TokenStore"
import { TokenStoreError } from "@countersign/client/Errors"
import type * as Keyring from "@napi-rs/keyring"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { createHash } from "node:crypto"
import { join, resolve } from "node:path"
import * as ProcessLock from "../../ProcessLock.js"
import * as SecureDirectory from "../filesystem/secureDirectory.js"
import { codeOf } from "../filesystem/systemError.js"
import type { OpenEntry, Options } from "./options.js"

/** The items of one service, read and written as text, and locks for them between the processes of this host. */
export interface Keychain {
  /** How far `alone` reaches: the keychain is the user's, and no lock takes it further than this host. */
  readonly lockScope: TokenStore.LockScope
  readonly get: (account: string) => Effect.Effect<Option.Option<string>, TokenStoreError>
  readonly set: (account: string, text: string) => Effect.Effect<void, TokenStoreError>
  /** Removes an item. Undefined where the binding cannot do it. */
  readonly remove: ((account: string) => Effect.Effect<void, TokenStoreError>) | undefined
  readonly withLock: (
    lock: string
  ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | TokenStoreError, R>
}

const failure = (reason: TokenStoreError["reason"], detail: string) => new TokenStoreError({ reason, detail })

/** Never the kernel's keyring, which forgets at a restart: where there is no Secret Service, this throws. */
const bindingOptions = { linux: { store: "secret-service" } } as const

const notLoaded = (cause: unknown) =>
  failure(
    "ReadFailed",
    codeOf(cause) === "ERR_MODULE_NOT_FOUND"
      ? "the keychain needs a package that is not installed; run: npm i @napi-rs/keyring"
      : "@napi-rs/keyring cannot be loaded; it may have no build for this platform: use another store"
  )

type Binding = typeof Keyring

const openersOf = new WeakMap<Binding, OpenEntry>()

/** Bundlers let a package be missing whose absence is caught right there. */
const importKeyring = (): Promise<Binding> =>
  import("@napi-rs/keyring").catch((cause: unknown) => {
    throw notLoaded(cause)
  })

/** What opens items, one function for the process: calls of it stand in one line. */
export const load = (
  importBinding: () => Promise<Binding> = importKeyring
): Effect.Effect<OpenEntry, TokenStoreError> =>
  Effect.map(
    Effect.tryPromise({
      try: importBinding,
      catch: (cause) => (cause instanceof TokenStoreError ? cause : notLoaded(cause))
    }),
    (binding) => {
      const open: OpenEntry =
        openersOf.get(binding) ?? ((service, account) => new binding.AsyncEntry(service, account, bindingOptions))
      openersOf.set(binding, open)
      return open
    }
  )

const explanations: ReadonlyArray<readonly [RegExp, string]> = [
  [/dismissed|locked|denied|not allowed|interaction/i, "it is locked, or access was denied: unlock it, and try again"],
  [/no result found/i, "it has no default collection: create one, e.g. by logging in to the desktop once"],
  [/ambig/i, "it has several items of that name: remove those that are not of this program"],
  [
    /dbus|d-bus|platform failure/i,
    "no Secret Service answers in this session: start gnome-keyring or KWallet, or use EncryptedTokenStore over a file"
  ]
]

/** What the binding says is looked at and not shown: it may hold anything. */
const explain = (cause: unknown): string => {
  const message = cause instanceof Error ? cause.message : ""
  return explanations.find(([pattern]) => pattern.test(message))?.[1] ?? "it refused: check it"
}

/**
 * One call at a time: each blocks a thread of Node's pool for as long as the keychain asks somebody, and there are four
 * of them for all files and all names of hosts.
 */
const queues = new WeakMap<OpenEntry, Promise<unknown>>()

const runSerially = <A>(open: OpenEntry, signal: AbortSignal, run: () => Promise<A>): Promise<A> => {
  const next = (queues.get(open) ?? Promise.resolve()).then(() => {
    // Nobody waits for it any more.
    if (signal.aborted) throw new Error("given up")
    return run()
  })
  queues.set(
    open,
    next.catch(() => undefined)
  )
  return next
}

/** Windows takes no more in one item (`CRED_MAX_CREDENTIAL_BLOB_SIZE`); elsewhere this is more than any record has. */
const maxBytes = (): number => (process.platform === "win32" ? 2_560 : 1024 * 1024)

const tooLarge = (bytes: number) =>
  failure(
    "WriteFailed",
    `the keychain takes ${maxBytes()} bytes, and the record has ${bytes}; ` +
      "use EncryptedTokenStore over a FileTokenStore, with EncryptionKey.fromKeychain"
  )

const decodeText = (bytes: ArrayLike<number>): Effect.Effect<string, TokenStoreError> =>
  Effect.try({
    try: () => {
      if (bytes.length > 1024 * 1024) throw new Error("too large")
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes))
    },
    catch: () => failure("Corrupt", "an item of the keychain is not text; it was left as it is: remove it there")
  })

/** The file of a lock: services and locks are text of any kind. */
const lockPath = (folder: string, service: string, lock: string): string =>
  join(folder, `keychain-${createHash("sha256").update(`${service.length}:${service}${lock}`).digest("hex")}.lock`)

/** Whether the binding removes items. Where there is no keychain it throws, and the first call tells why. */
const canRemove = (open: OpenEntry, service: string): boolean => {
  try {
    return open(service, "records").deleteCredential !== undefined
  } catch {
    return false
  }
}

/** The items of `options.service`. Every call ends in time, by failing if need be. */
export const make = (options: Options): Effect.Effect<Keychain, TokenStoreError> =>
  Effect.gen(function* () {
    const open = options.openEntry ?? (yield* load())
    const locks = yield* ProcessLock.fromContext({ lockTimeout: options.lockTimeout })
    const folder = resolve(options.lockDirectory)
    const timeout = Duration.decode(options.timeout ?? "10 seconds")

    const callBinding = <A>(
      reason: "ReadFailed" | "WriteFailed",
      run: () => Promise<A>
    ): Effect.Effect<A, TokenStoreError> =>
      Effect.tryPromise({
        try: (signal) => runSerially(open, signal, run),
        catch: (cause) => failure(reason, `the keychain: ${explain(cause)}`)
      }).pipe(
        // Also where a write must not be interrupted: it is told that it did not end.
        Effect.interruptible,
        Effect.timeoutFail({
          duration: timeout,
          onTimeout: () =>
            failure(reason, `the keychain has not answered in ${Duration.format(timeout)}: answer what it asks`)
        })
      )

    return {
      lockScope: locks.reach === "process" ? "process" : "host",
      get: (account) =>
        Effect.flatMap(
          callBinding("ReadFailed", async () => open(options.service, account).getSecret()),
          (bytes) => (bytes === null ? Effect.succeedNone : Effect.asSome(decodeText(bytes)))
        ),
      set: (account, text) => {
        const bytes = new TextEncoder().encode(text)
        return bytes.length > maxBytes()
          ? Effect.fail(tooLarge(bytes.length))
          : callBinding("WriteFailed", async () => open(options.service, account).setSecret(bytes))
      },
      remove: canRemove(open, options.service)
        ? (account) =>
            Effect.asVoid(callBinding("WriteFailed", async () => open(options.service, account).deleteCredential?.()))
        : undefined,
      withLock: (lock) => (effect) =>
        Effect.zipRight(SecureDirectory.ensure(folder), locks.withLock(lockPath(folder, options.service, lock))(effect))
    }
  })
