/** Reads event streams: `events CLIENT ORIGIN`. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as ServerEvents from "@countersign/client/ServerEvents"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import { createParser } from "eventsource-parser"
import { Agent, request } from "undici"
import { data, type Form, pathOf } from "../EventStreams.js"
import { answer } from "../Remote.js"
import { timed } from "../Turns.js"

const [, , client, origin = ""] = process.argv

/** Returns the number of characters in the data of all events. */
type Read = (path: string) => Promise<number>

const dispatcher = new Agent()

const bare: Read = async (path) => {
  const { body } = await request(`${origin}${path}`, { dispatcher })
  let characters = 0
  const parser = createParser({ onEvent: (event) => (characters += event.data.length) })
  const decoder = new TextDecoder()
  // undici's body yields buffers if no encoding is set.
  for await (const chunk of body) parser.feed(decoder.decode(chunk as Buffer, { stream: true }))
  return characters
}

class Api extends ApiClient.Tag("bench/Api")<Api>() {}

const runtime = ManagedRuntime.make(
  Api.layer({ baseUrl: origin, auth: Auth.none }).pipe(Layer.provide(NodeTransport.layer))
)

const ours: Read = (path) =>
  Api.pipe(
    Effect.flatMap((api) =>
      Stream.runFold(ServerEvents.stream(api, path, {}), 0, (characters, event) => characters + event.data.length)
    ),
    (effect) => runtime.runPromise(effect)
  )

const read = client === "ours" ? ours : bare

/** One event stream. */
export interface Work {
  readonly form: Form
  readonly count: number
}

const methods = {
  measure: ({ count, form }: Work) =>
    timed(async () => {
      const characters = await read(pathOf(form, count))
      if (characters !== count * data.length) throw new Error(`${characters} characters of ${count} events were read`)
    })
}

/** The methods of the process. */
export type Events = typeof methods

answer(methods)
