import type * as PlatformError from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { StoredCookie } from "./cookieStore.js"
import { Jar, makeService } from "./memoryJar.js"
import type { Service, PersistentOptions } from "./service.js"

/** `expires` is null for a session cookie, because JSON has no infinity. */
const Cookie = Schema.Struct({
  name: Schema.String,
  value: Schema.String,
  domain: Schema.String,
  hostOnly: Schema.Boolean,
  path: Schema.String,
  secure: Schema.Boolean,
  httpOnly: Schema.Boolean,
  expires: Schema.NullOr(Schema.Finite),
  created: Schema.Finite
})

/** The cookies are in order of use, the most recently used last. */
const Content = Schema.Struct({ version: Schema.Literal(1), cookies: Schema.Array(Cookie) })

const decode = Schema.decodeUnknownOption(Schema.parseJson(Content))

const encode = (cookies: ReadonlyArray<StoredCookie>): string =>
  JSON.stringify({
    version: 1,
    cookies: cookies.map((cookie) => ({ ...cookie, expires: isSessionCookie(cookie) ? null : cookie.expires }))
  } satisfies typeof Content.Encoded)

const isSessionCookie = ({ expires }: StoredCookie): boolean => expires === Number.POSITIVE_INFINITY

/** Returns only the kind of failure, because messages of stores may quote the cookies. */
const kindOf = (cause: Cause.Cause<PlatformError.PlatformError>): string => {
  const failure = Option.getOrUndefined(Cause.failureOption(cause))
  if (failure === undefined) return "a defect"
  return failure._tag === "SystemError" ? failure.reason : failure._tag
}

type IsPersisted = (cookie: StoredCookie) => boolean

const loadJar = (store: KeyValueStore.KeyValueStore, key: string, jar: Jar, isPersisted: IsPersisted) =>
  Effect.gen(function* () {
    const text = yield* store.get(key)
    if (Option.isNone(text)) return
    const content = decode(text.value)
    // Do not log the content: it may be truncated cookies.
    if (Option.isNone(content))
      return yield* Effect.logWarning(`cannot load cookies: the content of "${key}" is invalid. The jar starts empty.`)
    const saved = content.value.cookies.map((cookie) => ({
      ...cookie,
      expires: cookie.expires ?? Number.POSITIVE_INFINITY
    }))
    jar.load(saved.filter(isPersisted), yield* Clock.currentTimeMillis)
  })

/**
 * Makes `save`, which writes the jar if it has changed since the last save. `save` is uninterruptible, so that no
 * partial content is written.
 */
const makeSaver = (store: KeyValueStore.KeyValueStore, key: string, jar: Jar, isPersisted: IsPersisted) => {
  let unsaved = false
  const changed = Effect.unsafeMakeLatch(false)
  const write = Effect.flatMap(Clock.currentTimeMillis, (now) =>
    store.set(key, encode(jar.liveCookies(now).filter(isPersisted)))
  )
  const save = Effect.suspend(() => {
    if (!unsaved) return Effect.void
    unsaved = false
    return Effect.catchAllCause(write, (cause) => {
      unsaved = true
      return Effect.logWarning(
        `cannot save cookies as "${key}": ${kindOf(cause)}. They are saved with the next change.`
      )
    })
  })
  const markChanged = () => {
    unsaved = true
    changed.unsafeOpen()
  }
  return { changed, markChanged, save: Effect.uninterruptible(save) }
}

/** The options with their defaults. */
type ResolvedOptions = { readonly [K in keyof PersistentOptions]-?: Exclude<PersistentOptions[K], undefined> }

/** Makes a jar that is saved in a `KeyValueStore`. See `CookieJar.makePersistent`. */
export const make = ({
  delay,
  key,
  sessionCookies
}: ResolvedOptions): Effect.Effect<Service, PlatformError.PlatformError, KeyValueStore.KeyValueStore | Scope.Scope> =>
  Effect.gen(function* () {
    const store = yield* KeyValueStore.KeyValueStore
    const jar = new Jar()
    const isPersisted: IsPersisted = (cookie) => sessionCookies || !isSessionCookie(cookie)
    yield* loadJar(store, key, jar, isPersisted)
    const { changed, markChanged, save } = makeSaver(store, key, jar, isPersisted)
    const debounce = Effect.zipRight(
      Effect.sleep(delay),
      Effect.sync(() => changed.unsafeClose())
    )
    // Finalizers run in reverse order: the saving fiber ends first, then the last save runs.
    yield* Effect.addFinalizer(() => save)
    yield* Effect.forkScoped(Effect.forever(changed.await.pipe(Effect.zipRight(debounce), Effect.zipRight(save))))
    return makeService(jar, markChanged)
  })
