/** All cases. A new case is a file or a folder beside this file, and an entry in this list. */
import { amplification } from "./amplification.js"
import { cache } from "./cache/cache.js"
import { crash } from "./crash/crash.js"
import { diskFaults } from "./disk/diskFaults.js"
import { duplicates } from "./duplicates/duplicates.js"
import { failover } from "./fleet/failover.js"
import { fleet } from "./fleet/fleet.js"
import { hostile } from "./hostileServer/hostileServer.js"
import { leaks } from "./leaks/leaks.js"
import { parsers } from "./parsers/parsers.js"
import { processes } from "./processes/processes.js"
import { interruptedRefresh } from "./simulation/interruptedRefresh.js"
import { streams } from "./streams/streams.js"
import type { Stress } from "./Stress.js"
import { throttle } from "./throttle.js"
import { outage } from "./tokenOutage/tokenOutage.js"
import { tokenStampede } from "./tokenStampede.js"

export const cases: ReadonlyArray<Stress> = [
  amplification,
  cache,
  crash,
  diskFaults,
  duplicates,
  failover,
  fleet,
  hostile,
  interruptedRefresh,
  leaks,
  outage,
  parsers,
  processes,
  streams,
  throttle,
  tokenStampede
]
