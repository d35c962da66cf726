import * as Basic from "@countersign/auth/Basic"
import * as CookieJar from "@countersign/client/CookieJar"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { subscribe, unsubscribe } from "node:diagnostics_channel"
import type { Scenario } from "../Scenario.js"
import { client } from "../Scenario.js"

const Headers = Schema.Struct({ headers: Schema.Record({ key: Schema.String, value: Schema.String }) })
const Cookies = Schema.Struct({ cookies: Schema.Record({ key: Schema.String, value: Schema.String }) })

const userAgent = "countersign-demo/1"

/** The connections that this session's requests went over, by undici's own announcements of what it sends where. */
const connections = Effect.acquireRelease(
  Effect.sync(() => {
    const sockets = new Set<unknown>()
    const listener = (message: unknown) => {
      if (isSend(message) && message.headers.includes(userAgent)) sockets.add(message.socket)
    }
    subscribe("undici:client:sendHeaders", listener)
    return { sockets, listener }
  }),
  ({ listener }) => Effect.sync(() => unsubscribe("undici:client:sendHeaders", listener))
)

const isSend = Schema.is(Schema.Struct({ headers: Schema.String, socket: Schema.Object }))

export const session: Scenario = {
  name: "session",
  title: "A session: credentials, default headers and cookies, over one connection",
  run: Effect.gen(function* () {
    const { sockets } = yield* connections
    const api = yield* client({
      auth: Basic.make({ username: "user", password: Redacted.make("pass") }),
      headers: { "user-agent": userAgent, accept: "application/json" },
      cookies: true
    })
    const login = yield* api.get("/basic-auth/user/pass")
    const { headers } = yield* api.get("/headers", { schema: Headers })
    yield* api.get("/cookies/set?taste=oat")
    const { cookies } = yield* api.get("/cookies", { schema: Cookies })
    // A server that closes every connection, as gunicorn's plain workers do, leaves one for each request.
    const kept = login.headers["connection"] !== "close"
    return {
      ok:
        login.status === 200 &&
        headers["User-Agent"] === userAgent &&
        headers["Accept"] === "application/json" &&
        cookies["taste"] === "oat" &&
        (!kept || sockets.size <= 1),
      observed: {
        userAgent: headers["User-Agent"],
        accept: headers["Accept"],
        cookies,
        connections: sockets.size,
        serverKeepsConnections: kept
      }
    }
    // A transport of its own, since the others' connections are none of this session's.
  }).pipe(Effect.provide(Layer.merge(CookieJar.layerMemory, NodeTransport.layerWith({ connections: 1 }))))
}
