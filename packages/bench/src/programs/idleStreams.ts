/** Opens event streams that stay idle after the first event: `idleStreams CLIENT ORIGIN`. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import type { OpenResponse } from "@countersign/client/OpenResponse"
import * as ServerEvents from "@countersign/client/ServerEvents"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import { setTimeout as sleep } from "node:timers/promises"
import { Agent, request } from "undici"
import { used } from "../Heap.js"
import { answer } from "../Remote.js"

const [, , client, origin = ""] = process.argv

let begun = 0

const onFirst = (): void => {
  begun++
}

/** Opens a stream, and calls `onFirst` with the first event. */
type Open = () => void

const dispatcher = new Agent()

const bare: Open = () =>
  void (async () => {
    const { body } = await request(`${origin}/idle`, { dispatcher })
    for await (const _ of body) onFirst()
  })()

class Api extends ApiClient.Tag("bench/Api")<Api>() {}

const runtime = ManagedRuntime.make(
  Api.layer({ baseUrl: origin, auth: Auth.none }).pipe(Layer.provide(NodeTransport.layer))
)

const first = Effect.sync(onFirst)

const drain = (stream: Stream.Stream<unknown, unknown>) => Stream.runForEach(stream, () => first)

const opened =
  (read: (response: OpenResponse) => Effect.Effect<void, unknown>): Open =>
  () => {
    const reading = Effect.flatMap(Api, (api) => Effect.scoped(Effect.flatMap(api.open("/idle"), read)))
    runtime.runFork(reading)
  }

const serverEvents: Open = () => {
  runtime.runFork(Effect.flatMap(Api, (api) => drain(ServerEvents.stream(api, "/idle", {}))))
}

/** What the platform needs for a stream without a request. */
const streamAlone: Open = () => {
  let isFirst = true
  const pull = Effect.suspend(() => {
    if (!isFirst) return Effect.never
    isFirst = false
    return Effect.succeed(Chunk.of("an event"))
  })
  runtime.runFork(drain(Stream.repeatEffectChunkOption(pull)))
}

const opens = {
  "undici.request": bare,
  "Stream alone": streamAlone,
  "OpenResponse.forEach": opened(({ forEach }) => forEach(() => first)),
  "OpenResponse.stream": opened(({ stream }) => drain(stream)),
  ServerEvents: serverEvents
}

/** The names of the clients. */
export type Name = keyof typeof opens

const openAll = async (count: number): Promise<void> => {
  // The type of a name that this program is started with.
  const one = opens[client as Name]
  const expected = begun + count
  for (let number = 0; number < count; number++) one()
  while (begun < expected) await sleep(20)
  await sleep(200)
}

const methods = {
  /** The growth of heap and buffers for each stream of `count`, in bytes. Streams that were opened before stay open. */
  grown: async (count: number): Promise<number> => {
    const before = used()
    await openAll(count)
    return (used() - before) / count
  }
}

/** The methods of the process. */
export type IdleStreams = typeof methods

answer(methods)
