/**
 * Processes of one machine that share one account in a token file, at a server that revokes the tokens if a refresh token is
 * reused. No process loses the tokens, also while lock holders are stopped, killed, or have another clock.
 */
import * as Effect from "effect/Effect"
import { join } from "node:path"
import type { Name, SharedBy, StoreFigures } from "./disturbances.js"
import * as Disturbances from "./disturbances.js"
import type { Reader } from "./storeVariants.js"
import type { VariantResult } from "./variant.js"
import * as Stress from "../Stress.js"

const sharedBy = (short: boolean): SharedBy => ({
  makePlace: (folder) => Effect.succeed({ kind: "file", path: join(folder, "tokens.json") }),
  stops: short ? [30, 150, 600] : [30, 300, 2_000, 10_000],
  processes: short ? 3 : 8,
  seconds: () => (short ? 2 : 60)
})

/** Measures one variant. */
export const measureOne =
  (name: Name, reader: Reader) =>
  ({ short }: Stress.Run): Effect.Effect<VariantResult, Stress.CannotRun> =>
    Disturbances.measureOne(name, sharedBy(short), reader)

const measure = ({ reportProgress, short }: Stress.Run): Effect.Effect<StoreFigures, Stress.CannotRun> =>
  Disturbances.measureAll(sharedBy(short), reportProgress)

/** The case. */
export const processes: Stress.Stress = Stress.make("processes", measure, Disturbances.assertions)
