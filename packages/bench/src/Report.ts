/** Results of a run: the object that `--json` prints. */
import type * as Bodies from "./sections/bodies.js"
import type * as Events from "./sections/events.js"
import type * as Failure from "./sections/failure.js"
import type * as Files from "./sections/files.js"
import type * as Fleet from "./sections/fleet.js"
import type * as FleetDelays from "./sections/fleetDelays.js"
import type * as Growth from "./sections/growth.js"
import type * as IdleStreams from "./sections/idleStreams.js"
import type * as Pages from "./sections/pages.js"
import type * as Policies from "./sections/policies.js"
import type * as Schemes from "./sections/schemes.js"
import type * as Sql from "./sections/sql.js"
import type * as Start from "./sections/start.js"
import type * as Storm from "./sections/storm.js"
import type * as Throughput from "./sections/throughput.js"

/** The whole report, with the sections that ran. */
export interface Report {
  readonly node: string
  readonly cpus: string
  readonly versions: Readonly<Record<string, string>>
  readonly cases?: ReadonlyArray<Throughput.Row>
  readonly growth?: ReadonlyArray<Growth.Row>
  readonly policies?: ReadonlyArray<Policies.Row>
  readonly schemes?: ReadonlyArray<Schemes.Row>
  readonly failure?: ReadonlyArray<Failure.Row>
  readonly bodies?: ReadonlyArray<Bodies.Row>
  readonly files?: ReadonlyArray<Files.Row>
  readonly events?: ReadonlyArray<Events.Row>
  readonly idleStreams?: ReadonlyArray<IdleStreams.Row>
  readonly pages?: Pages.Row
  readonly storm?: ReadonlyArray<Storm.Row>
  readonly start?: Start.Start
  readonly fleet?: ReadonlyArray<Fleet.Row>
  readonly fleetDelays?: ReadonlyArray<FleetDelays.Row>
  readonly sql?: ReadonlyArray<Sql.Row>
}
