import type * as TokenStore from "@countersign/auth/TokenStore"
import { TokenStoreError } from "@countersign/auth/Errors"
import * as Mutex from "@countersign/client/Mutex"
import type * as Keyring from "@napi-rs/keyring"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { join } from "node:path"
import * as ProcessLock from "../../ProcessLock.js"
import { resolvePath } from "../filesystem/filePath.js"
import * as SecureDirectory from "../filesystem/secureDirectory.js"
import { codeOf } from "../filesystem/systemError.js"
import { sha256Hex } from "../hash/sha256.js"
import * as OptionNames from "../options/optionNames.js"
import type { OpenEntry, Options } from "./options.js"

/** The items of one service as text, and locks for them between the processes of this host. */
export interface Keychain {
  /** The scope of `withLock`: at most this host, because a keychain belongs to a user of this host. */
  readonly lockScope: TokenStore.LockScope
  readonly get: (account: string) => Effect.Effect<Option.Option<string>, TokenStoreError>
  readonly set: (account: string, text: string) => Effect.Effect<void, TokenStoreError>
  /** Removes an item. Undefined if the binding cannot remove items. */
  readonly remove: ((account: string) => Effect.Effect<void, TokenStoreError>) | undefined
  readonly withLock: (
    lock: string
  ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | TokenStoreError, R>
}

const failure = (reason: TokenStoreError["reason"], detail: string) => new TokenStoreError({ reason, detail })

/**
 * Requires the Secret Service. Without it the binding throws instead of using the kernel's keyring, which a restart
 * clears.
 */
const bindingOptions = { linux: { store: "secret-service" } } as const

const notLoaded = (cause: unknown) =>
  failure(
    "ReadFailed",
    codeOf(cause) === "ERR_MODULE_NOT_FOUND"
      ? "the keychain needs a package that is not installed. Run: npm i @napi-rs/keyring"
      : "@napi-rs/keyring cannot be loaded. It may have no build for this platform. Use another token store."
  )

type Binding = typeof Keyring

const openersOf = new WeakMap<Binding, OpenEntry>()

/** Bundlers accept a missing package if the import has its own `catch`. */
const importKeyring = (): Promise<Binding> =>
  import("@napi-rs/keyring").catch((cause: unknown) => {
    throw notLoaded(cause)
  })

/** Loads the binding. There is one function per process, because its operations are queued. */
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
  [/dismissed|locked|denied|not allowed|interaction/i, "it is locked, or access was denied. Unlock it, and try again."],
  [/no result found/i, "it has no default collection. Create one, for example by logging in to the desktop once."],
  [/ambig/i, "it has several items of that name. Remove those that are not of this program."],
  [
    /dbus|d-bus|platform failure/i,
    "no Secret Service is running in this session. Start gnome-keyring or KWallet, or use EncryptedTokenStore over a file."
  ]
]

/** The binding's message is only classified. It is not shown, because it may contain a secret. */
const explain = (cause: unknown): string => {
  const message = cause instanceof Error ? cause.message : ""
  return explanations.find(([pattern]) => pattern.test(message))?.[1] ?? "it reported an error. Check the keychain."
}

/**
 * One operation at a time. Each one blocks a thread of Node's pool while the keychain prompts the user. The pool has
 * four threads for all files and host names.
 */
const mutexes = new WeakMap<OpenEntry, Mutex.Mutex>()

const mutexOf = (open: OpenEntry): Mutex.Mutex => {
  const mutex = mutexes.get(open) ?? Mutex.make(Duration.infinity)
  mutexes.set(open, mutex)
  return mutex
}

/** Maximum size of an item on Windows (`CRED_MAX_CREDENTIAL_BLOB_SIZE`). On other systems it exceeds any record. */
const maxBytes = (): number => (process.platform === "win32" ? 2_560 : 1024 * 1024)

const tooLarge = (bytes: number) =>
  failure(
    "WriteFailed",
    `an item of the keychain may have ${maxBytes()} bytes, and the record has ${bytes}. ` +
      "Use EncryptedTokenStore over a FileTokenStore, with EncryptionKey.fromKeychain."
  )

const decodeText = (bytes: ArrayLike<number>): Effect.Effect<string, TokenStoreError> =>
  Effect.try({
    try: () => {
      if (bytes.length > 1024 * 1024) throw new Error("too large")
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes))
    },
    catch: () => failure("Corrupt", "an item of the keychain is not text. It was not changed. Remove the item.")
  })

/** The lock file. Hashed, because services and lock names can be any text. */
const lockPath = (folder: string, service: string, lock: string): string =>
  join(folder, `keychain-${sha256Hex(`${service.length}:${service}${lock}`)}.lock`)

/**
 * Whether the binding can remove items. It throws without a keychain, and the first operation then reports the reason.
 */
const canRemove = (open: OpenEntry, service: string): boolean => {
  try {
    return open(service, "records").deleteCredential !== undefined
  } catch {
    return false
  }
}

const names: OptionNames.ShapeOf<Options> = {
  service: true,
  lockDirectory: true,
  lockTimeout: "duration",
  timeout: "duration",
  openEntry: true
}

/** Opens the items of `options.service`. Every operation ends within `timeout`, or fails. */
export const make = (options: Options): Effect.Effect<Keychain, TokenStoreError> =>
  Effect.gen(function* () {
    OptionNames.known("`KeychainTokenStore`", options, names)
    const open = options.openEntry ?? (yield* load())
    const locks = yield* ProcessLock.fromContext({ lockTimeout: options.lockTimeout })
    const folder = yield* resolvePath("lockDirectory", options.lockDirectory)
    const timeout = Duration.decode(options.timeout ?? "10 seconds")

    const callBinding = <A>(
      reason: "ReadFailed" | "WriteFailed",
      run: () => Promise<A>
    ): Effect.Effect<A, TokenStoreError> =>
      Effect.tryPromise({
        try: run,
        catch: (cause) => failure(reason, `cannot use the keychain: ${explain(cause)}`)
      }).pipe(
        // The binding cannot cancel an operation. After a timeout, the next one still waits for its end.
        Effect.uninterruptible,
        mutexOf(open).withLock,
        Effect.disconnect,
        // Interruptible even within an uninterruptible write: the operation then fails with a timeout.
        Effect.interruptible,
        Effect.timeoutFail({
          duration: timeout,
          onTimeout: () =>
            failure(
              reason,
              `the keychain did not respond within ${Duration.format(timeout)}. Answer its prompt, or increase timeout.`
            )
        })
      )

    return {
      lockScope: locks.lockScope === "process" ? "process" : "host",
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
