/** Starts the process that counts the steps, fibers and bytes of a call. */
import type { Count } from "./programs/count.js"
import * as Remote from "./Remote.js"

/**
 * Without the JIT compilers, because optimized code can omit allocations. The young generation is larger than all counted
 * objects, so that no garbage collection runs meanwhile.
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

/** Interpreter steps of Effect, and fibers, of one call through every policy. */
export const steps = (staged: string): Promise<Awaited<ReturnType<Count["steps"]>>> =>
  counted(staged, (remote) => remote.call("steps"))

/** Heap bytes that one call through every policy allocates. */
export const bytes = (staged: string): Promise<number> => counted(staged, (remote) => remote.call("bytes"))
