/** Every case. Another one is a file beside this one, and a line in this list. */
import { duplicates } from "./duplicates.js"
import { hostile } from "./hostile.js"
import { leaks } from "./leaks.js"
import { parsers } from "./parsers.js"
import type { Stress } from "./Stress.js"

export const cases: ReadonlyArray<Stress> = [duplicates, hostile, leaks, parsers]
