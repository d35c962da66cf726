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

/** A session's cookie has no time at which it expires. JSON has no word for never. */
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

/** What was used last stands last. */
const Content = Schema.Struct({ version: Schema.Literal(1), cookies: Schema.Array(Cookie) })

const decode = Schema.decodeUnknownOption(Schema.parseJson(Content))

const encode = (cookies: ReadonlyArray<StoredCookie>): string =>
  JSON.stringify({
    version: 1,
    cookies: cookies.map((cookie) => ({ ...cookie, expires: isSessionCookie(cookie) ? null : cookie.expires }))
  } satisfies typeof Content.Encoded)

const isSessionCookie = ({ expires }: StoredCookie): boolean => expires === Number.POSITIVE_INFINITY

/** Messages of stores may repeat what they were to store: what kind of failure it was has to do. */
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
    // What does not decode is not shown either: it may be cookies, cut off.
    if (Option.isNone(content)) return yield* Effect.logWarning(`"${key}" holds no cookies that can be read: none kept`)
    const saved = content.value.cookies.map((cookie) => ({
      ...cookie,
      expires: cookie.expires ?? Number.POSITIVE_INFINITY
    }))
    jar.load(saved.filter(isPersisted), yield* Clock.currentTimeMillis)
  })

/** What saves the jar if it `changed` since, and leaves nothing half written when it is interrupted. */
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
      return Effect.logWarning(`Cookies could not be saved as "${key}": ${kindOf(cause)}`)
    })
  })
  const markChanged = () => {
    unsaved = true
    changed.unsafeOpen()
  }
  return { changed, markChanged, save: Effect.uninterruptible(save) }
}

/** The options, without those that are left out. */
type ResolvedOptions = { readonly [K in keyof PersistentOptions]-?: Exclude<PersistentOptions[K], undefined> }

/** See `CookieJar.makePersistent`. */
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
    // The last save runs when the fiber that saves has come to its end.
    yield* Effect.addFinalizer(() => save)
    yield* Effect.forkScoped(Effect.forever(changed.await.pipe(Effect.zipRight(debounce), Effect.zipRight(save))))
    return makeService(jar, markChanged)
  })
