/** Somebody signs in, with pages over HTTP and in a browser. */
import * as ClientAuthentication from "@countersign/auth/ClientAuthentication"
import * as TokenStore from "@countersign/auth/TokenStore"
import { Browser, BrowserError } from "@countersign/node/Browser"
import * as SignIn from "@countersign/node/SignIn"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Case } from "../Case.js"
import { works } from "../Case.js"
import { holds } from "../Checks.js"
import * as Chromium from "../Chromium.js"
import type { Client } from "../Client.js"
import * as Provider from "../Provider.js"
import { optionsOf, session, signedIn } from "../Session.js"

const publicly = { client_secret: undefined, token_endpoint_auth_method: "none" }

const WhoIs = Schema.Struct({ sub: Schema.String })

/** Signs ada in, and asks the API who the token is for. */
const signsIn = (client: Client, configuration: object, byNothing: boolean) =>
  Effect.gen(function* () {
    const provider = yield* Provider.make({ configuration: { clients: [Provider.registered("web", configuration)] } })
    const nothing = { clientSecret: undefined, clientAuthentication: ClientAuthentication.none }
    const options = optionsOf(provider, byNothing ? nothing : {})
    const done = yield* signedIn(client, options)
    yield* holds(done.claims?.sub === "ada", "the ID token says who has signed in")
    const { api } = yield* session(client, options, done)
    const { sub } = yield* api.get("/me", { schema: WhoIs })
    yield* holds(sub === "ada", "the API says the same")
    return "ada, by the ID token and by the API that the token was sent to"
  })

const confidential = works("code/with-a-secret", (client) => signsIn(client, {}, false))

const open = works("code/public-client", (client) => signsIn(client, publicly, true))

/** The whole way that a program in a terminal takes: a listener on loopback, and a real browser that comes back to it. */
const chromium = works("code/chromium", () =>
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
    yield* holds(claims?.sub === "ada", "the ID token says who has signed in")
    yield* holds(shown?.includes("close") === true, "the browser ends on the page that says to close it")
    return `ada, in Chromium ${browser.version()}, which ended on "${shown}"`
  })
)

export const code: ReadonlyArray<Case> = [confidential, open, chromium]
