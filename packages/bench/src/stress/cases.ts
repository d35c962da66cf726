/** Every case. Another one is a file beside this one, and a line in this list. */
import { amplification } from "./amplification.js"
import { crash } from "./crash.js"
import { disk } from "./disk.js"
import { duplicates } from "./duplicates.js"
import { hold } from "./hold.js"
import { hostile } from "./hostile.js"
import { interruption } from "./interruption.js"
import { leaks } from "./leaks.js"
import { parsers } from "./parsers.js"
import { processes } from "./processes.js"
import { storm } from "./storm.js"
import type { Stress } from "./Stress.js"
import { outage } from "./tokenOutage.js"

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
