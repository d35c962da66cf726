/** The thread of a Node process that accesses files. With `UV_THREADPOOL_SIZE=1` there is one. */
import { readdirSync, readFileSync } from "node:fs"
import { stat } from "node:fs/promises"

const switches = (): ReadonlyMap<string, number> =>
  new Map(
    readdirSync("/proc/self/task").map((thread) => {
      const status = readFileSync(`/proc/self/task/${thread}/status`, "utf8")
      const [, count = "0"] = /^voluntary_ctxt_switches:\s*(\d+)/m.exec(status) ?? []
      return [thread, Number(count)]
    })
  )

/** The thread, except the main one, that wakes up most often during file operations. */
export const threadOfFiles = async (): Promise<string> => {
  const before = switches()
  for (let i = 0; i < 300; i++) await stat("/")
  const risen = [...switches()].map(([thread, count]) => [thread, count - (before.get(thread) ?? 0)] as const)
  const others = risen.filter(([thread]) => thread !== String(process.pid))
  return others.toSorted(([, one], [, other]) => other - one)[0]?.[0] ?? ""
}
