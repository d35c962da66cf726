/** Types of routes, and misspelt options, which a generic parameter would accept. */
import * as FaultProxy from "@countersign/testing/FaultProxy"
import * as MockClient from "@countersign/testing/MockClient"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as Recorder from "@countersign/testing/Recorder"
import * as Effect from "effect/Effect"
import { describe, expectTypeOf, it } from "vitest"

const { respond } = MockClient

describe("MockClient routes", () => {
  it("have the parameters of their pattern", () => {
    void MockClient.layer({
      "GET /users/:id/posts/:post": ({ method }, { index, params }) => {
        expectTypeOf(method).toEqualTypeOf<string>()
        expectTypeOf(index).toEqualTypeOf<number>()
        expectTypeOf(params).toEqualTypeOf<{ readonly id: string; readonly post: string }>()
        return respond(200)
      },
      "GET https://uploads.test/:name?part=1": [
        respond(503),
        (_, { params }) => {
          expectTypeOf(params).toEqualTypeOf<{ readonly name: string }>()
          return Effect.succeed(respond(200))
        }
      ],
      "GET /files/*": (_, { params }) => respond(200, params["*"]),
      "GET /users": Effect.succeed(respond(200)),
      // @ts-expect-error this pattern has no parameters
      "DELETE /users": (_, { params }) => respond(200, params.id)
    })
    const routes: Record<string, MockClient.Route<string>> = {}
    void MockClient.make(routes)
    void MockClient.make(({ url }, index) => respond(200, url + index))
  })

  it("reject values that are no responses", () => {
    // @ts-expect-error a status is no response
    void MockClient.layer({ "GET /users": 200 })
    // @ts-expect-error a list of statuses has no response
    void MockClient.layer({ "GET /users": [200] })
    // @ts-expect-error an effect with an error has no response
    void MockClient.layer({ "GET /users": Effect.fail("no") })
    // @ts-expect-error this is the text that is sent, not a response
    void MockClient.layer({ "GET /users": () => "text" })
  })
})

describe("misspelt options", () => {
  it("do not compile", () => {
    // @ts-expect-error unmatched
    void MockClient.layer({ "GET /users": respond(200) }, { unmached: respond(404) })
    // @ts-expect-error unmatched
    void MockClient.make({ "GET /users": respond(200) }, { unmatch: respond(404) })
    // @ts-expect-error code
    void (() => MockClient.truncated(200, "half", { codes: "EPIPE" }))
    // @ts-expect-error scopes
    void OAuthServer.layerMemory({ scope: ["read"] })
    // @ts-expect-error clients
    void OAuthServer.layer({ client: [] })
    // @ts-expect-error down
    void FaultProxy.layer({ port: 1, downs: [] })
    // @ts-expect-error seed
    void FaultProxy.make({ port: 1, seeds: 7 })
    // @ts-expect-error after
    void FaultProxy.Toxic.Reset({ afters: 7 })
    // @ts-expect-error file
    void Recorder.layer({ files: "users.json", mode: "replay" })
    // @ts-expect-error mode
    void Recorder.make({ file: "users.json", mode: "replay", modes: "auto" })
    // @ts-expect-error replay
    void Recorder.layer({ file: "users.json", mode: "replays" })
    // @ts-expect-error secretNames
    void Recorder.layerReplay({ file: "users.json", secretName: ["tenant"] })
  })
})
