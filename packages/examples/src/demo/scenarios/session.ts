import * as Basic from "@countersign/auth/Basic"
import * as CookieJar from "@countersign/client/CookieJar"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { Scenario } from "../Scenario.js"
import { client } from "../Scenario.js"

const Headers = Schema.Struct({ headers: Schema.Record({ key: Schema.String, value: Schema.String }) })
const Cookies = Schema.Struct({ cookies: Schema.Record({ key: Schema.String, value: Schema.String }) })

const userAgent = "countersign-demo/1"

/** `opened` has the origin of each connection that the transport opened. */
const steps = (opened: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const api = yield* client({
      auth: Basic.make({ username: "user", password: Redacted.make("pass") }),
      headers: { "user-agent": userAgent, accept: "application/json" },
      cookies: yield* CookieJar.makeMemory
    })
    const login = yield* api.get("/basic-auth/user/pass")
    const { headers } = yield* api.get("/headers", { schema: Headers })
    yield* api.get("/cookies/set?taste=oat")
    const { cookies } = yield* api.get("/cookies", { schema: Cookies })
    // If the server closes every connection, as gunicorn's sync workers do, each request opens one.
    const kept = login.headers["connection"] !== "close"
    return {
      ok:
        login.status === 200 &&
        headers["User-Agent"] === userAgent &&
        headers["Accept"] === "application/json" &&
        cookies["taste"] === "oat" &&
        (!kept || opened.length === 1),
      observed: {
        userAgent: headers["User-Agent"],
        accept: headers["Accept"],
        cookies,
        connections: opened.length,
        serverKeepsConnections: kept
      }
    }
  })

export const session: Scenario = {
  name: "session",
  title: "Sends credentials, default headers and cookies over one connection",
  run: Effect.suspend(() => {
    const opened: Array<string> = []
    // A separate transport, so that only the connections of this session are counted.
    const transport = NodeTransport.layerWith({
      connections: 1,
      // On a busy machine, more than the default of 4 seconds can pass between two requests.
      keepAliveTimeout: "30 seconds",
      onConnect: (origin) => opened.push(origin)
    })
    return Effect.provide(steps(opened), transport)
  })
}
