/** The schema of a response. */
import * as Schema from "effect/Schema"
import type { payload } from "./Payload.js"

/** Decodes the JSON of a response. */
export const Payload: Schema.Schema<typeof payload> = Schema.Struct({
  id: Schema.Number,
  name: Schema.String,
  email: Schema.String,
  active: Schema.Boolean,
  balance: Schema.Number,
  tags: Schema.mutable(Schema.Array(Schema.String)),
  address: Schema.Struct({ street: Schema.String, city: Schema.String, code: Schema.String }),
  note: Schema.String
})
