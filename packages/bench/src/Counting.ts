/** The process that counts what a call takes, instead of timing it. */
import type { Count } from "./programs/count.js"
import * as Remote from "./Remote.js"

/**
 * Nothing is compiled: compiled code leaves out what it can prove to be of no use, when it comes to that. The space for
 * new objects is larger than all that is counted, so that nothing is collected meanwhile.
 */
const flags = [
  "--expose-gc",
  "--no-opt",
  "--no-sparkplug",
  "--max-lazy",
  "--min-semi-space-size=256",
  "--max-semi-space-size=256"
]

const counted = async <A>(staged: string, count: (remote: Remote.Remote<Count>) => Promise<A>): Promise<A> => {
  const remote = Remote.start<Count>(staged, "count", [], flags)
  try {
    return await count(remote)
  } finally {
    await remote.stop()
  }
}

/** The steps of Effect's interpreter, and the fibers, that one call through every policy takes. */
export const steps = (staged: string): Promise<Awaited<ReturnType<Count["steps"]>>> =>
  counted(staged, (remote) => remote.call("steps"))

/** The bytes of the heap that one call through every policy takes. */
export const bytes = (staged: string): Promise<number> => counted(staged, (remote) => remote.call("bytes"))
