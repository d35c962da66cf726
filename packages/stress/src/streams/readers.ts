/** How a run reads events, pages and a file: by our client, or by a client with a fault. */
import type { ApiClient } from "@countersign/client/ApiClient"
import * as Paginate from "@countersign/client/Paginate"
import * as ServerEvents from "@countersign/client/ServerEvents"
import * as Download from "@countersign/node/Download"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

/** Readers of numbers from 1, and of a file. */
export interface Readers {
  readonly events: (api: ApiClient, path: string) => Stream.Stream<number, unknown>
  readonly pages: (api: ApiClient, path: string) => Stream.Stream<number, unknown>
  readonly download: (api: ApiClient, path: string, file: string) => Effect.Effect<unknown, unknown>
}

const Numbers = Schema.Array(Schema.Number)

/** The readers of our packages. */
export const ours: Readers = {
  events: (api, path) =>
    Stream.map(
      ServerEvents.stream(api, path, { schema: Schema.Number, until: (event) => event.event === "end" }),
      ({ data }) => data
    ),
  pages: (api, path) => Paginate.items(api, path, { schema: Numbers, next: Paginate.link() }),
  download: Download.toFile
}
