/** Single-page application: a public client with PKCE, a DPoP key that no script can export, and tokens in the tab. */
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as DpopKey from "@countersign/auth/DpopKey"
import * as KeyValueTokenStore from "@countersign/auth/KeyValueTokenStore"
import type * as OAuth2 from "@countersign/auth/OAuth2"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as TransactionStore from "@countersign/auth/TransactionStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

// #region client
class Api extends ApiClient.Tag("app/Api")<Api, TokenSourceError>() {}

/** The tab is the session: its storage belongs to no other. */
const tab = "tab"

/** Without cookies, a 401 with a Basic challenge opens no dialog of the browser. */
const HttpLive = Layer.provide(
  FetchHttpClient.layer,
  Layer.succeed(FetchHttpClient.RequestInit, { credentials: "omit" })
)

/** Tokens and pending sign-ins, in the `KeyValueStore` over `sessionStorage`. */
const StoresLive = Layer.merge(KeyValueTokenStore.layer(), TransactionStore.layerKeyValueStore())

/** The options of sign-in and API client. The key is that of the origin, and `indexedDB` is that of the page. */
const clientOf = (page: Omit<OAuth2.Client, "clientSecret">, indexedDB: DpopKey.IndexedDb) =>
  Effect.map(DpopKey.fromIndexedDb(indexedDB, page), (dpop) => ({
    ...page,
    dpop,
    clientAuthentication: ClientAuthentication.none,
    scopes: ["read"]
  }))
// #endregion

// #region page
const Resource = Schema.Struct({ scope: Schema.String })

/** The three steps of the page. Provide a `KeyValueStore`. */
export const makePage = (
  options: Omit<OAuth2.Client, "clientSecret"> & { readonly redirectUri: string },
  indexedDB: DpopKey.IndexedDb
) =>
  Effect.gen(function* () {
    const { redirectUri, ...page } = options
    const client = yield* clientOf(page, indexedDB)
    const transactions = yield* TransactionStore.TransactionStore
    const signIn = yield* AuthorizationCode.make({ ...client, redirectUri })
    const ApiLive = Api.layer({ baseUrl: client.issuer, auth: RefreshToken.layer(client) })
    return {
      /** The URL for `location.assign`. */
      begin: Effect.tap(signIn.start(), (transaction) => transactions.put(tab, transaction)).pipe(
        Effect.map(({ url }) => url)
      ),
      /** On the page of `redirectUri`, with its query: `new URLSearchParams(location.search)`. */
      complete: (query: URLSearchParams) =>
        Effect.gen(function* () {
          const signedIn = yield* signIn.complete(yield* transactions.take(tab, query), query)
          yield* AuthorizationCode.storeToken(client, signedIn)
        }),
      call: Effect.gen(function* () {
        const api = yield* Api
        return yield* api.get("/resource", { schema: Resource })
      }).pipe(Effect.provide(ApiLive))
    }
  })

export const PageLive = Layer.merge(HttpLive, StoresLive)
// #endregion
