import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as CookieJar from "@countersign/client/CookieJar"
import * as Transport from "@countersign/client/Transport"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as HttpBin from "@countersign/testing/HttpBin"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { createServer } from "node:http"
import { inspect } from "node:util"
import { serve } from "./support/server.js"

const Cookies = Schema.Struct({ cookies: Schema.Record({ key: Schema.String, value: Schema.String }) })

const session = (baseUrl: string) =>
  Effect.flatMap(CookieJar.makeMemory, (cookies) => ApiClient.make({ baseUrl, auth: Auth.none, cookies }))

describe("NodeTransport", () => {
  it.live("keeps two cookies of one name with different paths from one response", () =>
    Effect.gen(function* () {
      const sent: Array<string | undefined> = []
      const lines = ["sid=new; Path=/", "sid=; Path=/old; Max-Age=0"]
      const server = yield* serve(({ headers }, response) => {
        sent.push(headers.cookie)
        response.writeHead(200, { "set-cookie": lines }).end("{}")
      })
      const api = yield* session(server.url)
      yield* api.get("/x")
      yield* api.get("/x")
      expect(sent).toEqual([undefined, "sid=new"])
    }).pipe(Effect.scoped, Effect.provide(NodeTransport.layer))
  )

  it.live("passes on Set-Cookie fields unchanged and does not print them", () =>
    Effect.gen(function* () {
      const lines = ["a=1; Expires=Wed, 09 Jun 2100 10:18:14 GMT", "a=secret; Path=/b"]
      const server = yield* serve((_, response) => response.writeHead(200, { "set-cookie": lines }).end())
      const bare = yield* HttpClient.get(server.url)
      expect(Reflect.get(bare, Transport.rawSetCookie)).toEqual(lines)
      const response = yield* Effect.flatMap(session(server.url), (api) => api.get("/"))
      expect(Reflect.get(response, Transport.rawSetCookie)).toEqual(lines)
      expect(inspect(response, { depth: 9, showHidden: true })).not.toContain("secret")
    }).pipe(Effect.scoped, Effect.provide(NodeTransport.layer))
  )

  it.live("sends the cookies that a server sets and omits those that it deletes", () =>
    Effect.gen(function* () {
      const { baseUrl } = yield* HttpBin.HttpBin
      const api = yield* session(baseUrl)
      yield* api.get("/cookies/set?taste=oat&size=small")
      expect(yield* api.get("/cookies", { schema: Cookies })).toEqual({ cookies: { taste: "oat", size: "small" } })
      yield* api.get("/cookies/delete?taste")
      expect(yield* api.get("/cookies", { schema: Cookies })).toEqual({ cookies: { size: "small" } })
    }).pipe(
      Effect.provide(
        Layer.merge(
          NodeTransport.layer,
          Layer.provide(HttpBin.layer, NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" }))
        )
      )
    )
  )
})
