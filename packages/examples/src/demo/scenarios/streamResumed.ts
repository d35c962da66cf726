import * as Auth from "@countersign/client/Auth"
import * as ApiClient from "@countersign/client/ApiClient"
import * as ServerEvents from "@countersign/client/ServerEvents"
import * as Timeline from "@countersign/client/Timeline"
import * as EventServer from "@countersign/testing/EventServer"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Scenario } from "../Scenario.js"
import { errorOf, sendsOf } from "../Scenario.js"

const words = ["authentication", "is", "a", "conversation"].map((data, index) => ({ id: String(index + 1), data }))

/** Sends two events and cuts the connection, until only the last event is left. */
const script: EventServer.Script = (request) => {
  if (request.path.startsWith("/lost")) return [EventServer.event({ data: "half" })]
  const left = EventServer.after(words, request)
  const sent = left.slice(0, 2).map((event) => EventServer.event({ ...event, retry: 20 }))
  // Some runtimes drop received bytes after a reset, so the client gets time to read them.
  return left.length > 2
    ? [...sent, EventServer.pause("100 millis"), EventServer.reset]
    : [...sent, EventServer.event({ data: "[DONE]" })]
}

export const streamResumed: Scenario = {
  name: "stream-resumed",
  title: "Continues an event stream that is cut after its last event, and reports one that lacks its end",
  run: Effect.gen(function* () {
    const server = yield* EventServer.make(script)
    const api = yield* ApiClient.make({ baseUrl: server.baseUrl, auth: Auth.none })
    const { events, exit } = yield* Timeline.record(
      Stream.runCollect(ServerEvents.stream(api, "/words", { until: "[DONE]" }))
    )
    const data = Chunk.toReadonlyArray(yield* exit).map((event) => event.data)
    const lost = yield* errorOf(
      Stream.runDrain(ServerEvents.stream(api, "/lost", { until: "[DONE]", reconnect: "never" }))
    )
    const reason = lost !== undefined && "reason" in lost && lost.reason
    return {
      ok:
        data.join(" ") === words.map((word) => word.data).join(" ") && sendsOf(events) === 2 && reason === "Truncated",
      observed: { data, sends: sendsOf(events), withoutEnd: reason }
    }
  })
}
