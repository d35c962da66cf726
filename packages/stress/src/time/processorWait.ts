/** How long this process was ready to run while the machine ran other programs. */
import { readdirSync, readFileSync } from "node:fs"

const tasks = "/proc/self/task"

/** The second number of `schedstat`: nanoseconds that a thread waited for a processor. The thread may have ended. */
const waitedBy = (thread: string): number => {
  try {
    return Number(readFileSync(`${tasks}/${thread}/schedstat`, "utf8").split(" ")[1]) / 1e6
  } catch {
    return 0
  }
}

const threads = (): ReadonlyArray<string> => {
  try {
    return readdirSync(tasks)
  } catch {
    return []
  }
}

/** Milliseconds that all threads of this process have waited for a processor. Always 0 if the system does not count them. */
export const waitedMillis = (): number => threads().reduce((sum, thread) => sum + waitedBy(thread), 0)
