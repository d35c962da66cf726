/** Authorization code grant, with the server's pages over HTTP and in a browser. */
import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as TokenStore from "@countersign/auth/TokenStore"
import { Browser, BrowserError } from "@countersign/node/Browser"
import * as SignIn from "@countersign/node/SignIn"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Case } from "../Case.js"
import { succeeds } from "../Case.js"
import { expectThat } from "../Checks.js"
import * as Chromium from "../Chromium.js"
import type { Client } from "../Client.js"
import * as Provider from "../Provider.js"
import { optionsOf, session, signIn } from "../Session.js"

const publicly = { client_secret: undefined, token_endpoint_auth_method: "none" }

const WhoIs = Schema.Struct({ sub: Schema.String })

/** Signs ada in and reads the subject of the token from the API. */
const signsIn = (client: Client, configuration: object, byNothing: boolean) =>
  Effect.gen(function* () {
    const provider = yield* Provider.make({ configuration: { clients: [Provider.registered("web", configuration)] } })
    const nothing = { clientSecret: undefined, clientAuthentication: ClientAuthentication.none }
    const options = optionsOf(provider, byNothing ? nothing : {})
    const done = yield* signIn(client, options)
    yield* expectThat(done.claims?.sub === "ada", "the ID token names the signed-in user")
    const { api } = yield* session(client, options, done)
    const { sub } = yield* api.get("/me", { schema: WhoIs })
    yield* expectThat(sub === "ada", "the API names the same user")
    return "ada, in the ID token and in the API's response"
  })

const confidential = succeeds("code/with-a-secret", (client) => signsIn(client, {}, false))

const open = succeeds("code/public-client", (client) => signsIn(client, publicly, true))

/** The complete CLI sign-in: a loopback listener, and a real browser that is redirected to it. */
const chromium = succeeds("code/chromium", () =>
  Effect.gen(function* () {
    const browser = yield* Chromium.start
    const native = {
      ...publicly,
      application_type: "native",
      redirect_uris: ["http://127.0.0.1/callback"]
    }
    const provider = yield* Provider.make({ configuration: { clients: [Provider.registered("web", native)] } })
    const nothing = { clientSecret: undefined, clientAuthentication: ClientAuthentication.none }
    let shown: string | undefined
    const open = (url: string) =>
      Effect.tryPromise({
        try: async () => void (shown = await Chromium.signsIn(browser, url, "ada")),
        catch: (cause) => new BrowserError({ detail: String(cause), url })
      })
    const { claims } = yield* SignIn.withBrowser({
      ...optionsOf(provider, nothing),
      onUrl: (url) => Effect.die(new Error(`no browser opened ${new URL(url).origin}`))
    }).pipe(Effect.provideService(Browser, { open }), Effect.provide(TokenStore.layerMemory))
    yield* expectThat(claims?.sub === "ada", "the ID token names the signed-in user")
    yield* expectThat(shown?.includes("close") === true, "the browser shows the page that asks to close the window")
    return `ada, in Chromium ${browser.version()}, which ended on "${shown}"`
  })
)

export const code: ReadonlyArray<Case> = [confidential, open, chromium]
