/** Every case. To add one, write its file or folder beside this one, and add a line to this list. */
import { amplification } from "./amplification.js"
import { crash } from "./crash/crash.js"
import { disk } from "./disk/diskFaults.js"
import { duplicates } from "./duplicates/duplicates.js"
import { hold } from "./throttle.js"
import { hostile } from "./hostileServer/hostileServer.js"
import { interruption } from "./simulation/interruptedRefresh.js"
import { leaks } from "./leaks/leaks.js"
import { parsers } from "./parsers/parsers.js"
import { processes } from "./processes/processes.js"
import { storm } from "./tokenStampede.js"
import type { Stress } from "./Stress.js"
import { outage } from "./tokenOutage/tokenOutage.js"

export const cases: ReadonlyArray<Stress> = [
  amplification,
  crash,
  disk,
  duplicates,
  hold,
  hostile,
  interruption,
  leaks,
  outage,
  parsers,
  processes,
  storm
]
