/** Entry of `single-page.ts` in a browser: its steps are methods of the global `page`. */
import type * as DpopKey from "@countersign/auth/DpopKey"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { makePage, PageLive } from "./single-page.js"

interface Browser {
  readonly indexedDB: DpopKey.IndexedDb
  readonly sessionStorage: {
    readonly getItem: (key: string) => string | null
    readonly setItem: (key: string, value: string) => void
    readonly removeItem: (key: string) => void
    readonly clear: () => void
    readonly length: number
  }
  readonly location: { readonly href: string; readonly search: string }
}

// This program is compiled without the types of the DOM.
const { indexedDB, location, sessionStorage } = globalThis as unknown as Browser

/** As `layerSessionStorage` of `@effect/platform-browser`. */
const StorageLive = Layer.sync(KeyValueStore.KeyValueStore, () =>
  KeyValueStore.makeStringOnly({
    get: (key) => Effect.sync(() => Option.fromNullable(sessionStorage.getItem(key))),
    set: (key, value) => Effect.sync(() => sessionStorage.setItem(key, value)),
    remove: (key) => Effect.sync(() => sessionStorage.removeItem(key)),
    clear: Effect.sync(() => sessionStorage.clear()),
    size: Effect.sync(() => sessionStorage.length)
  })
)

const live = Layer.provideMerge(PageLive, StorageLive)

/** The redirect URI is this page without its query. The server runs on loopback. */
const pageOf = (issuer: string) =>
  makePage(
    {
      issuer,
      clientId: "page",
      redirectUri: location.href.split("?", 1)[0] ?? "",
      transport: OAuth2.dangerouslyAllowHttpOnLoopback
    },
    indexedDB
  )

type Page = Effect.Effect.Success<ReturnType<typeof pageOf>>

/** Makes the function of a step. */
const step =
  <A, E>(run: (page: Page) => Effect.Effect<A, E, Layer.Layer.Success<typeof live>>) =>
  (issuer: string): Promise<A> =>
    Effect.runPromise(Effect.provide(Effect.flatMap(pageOf(issuer), run), live))

const page = {
  begin: step(({ begin }) => begin),
  complete: step(({ complete }) => complete(new URLSearchParams(location.search))),
  call: step(({ call }) => call)
}

Object.assign(globalThis, { page })
