/** What can be wrong with a disk: a small file system of our own is filled or made read-only; else system calls fail. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Tracer from "../crash/tracer.js"

/** A fault that has begun. */
interface Broken {
  /** Sees to it that nothing that was removed meanwhile has made room. */
  readonly stay: () => void
  readonly mend: () => void | Promise<void>
}

/** A disk, and a fault of it that begins and ends. */
export interface Disk {
  readonly folder: string
  /** By what means the fault comes about. */
  readonly by: "mount" | "strace"
  readonly breaks: (thread: string) => Broken | Promise<Broken>
  readonly remove: () => void
}

/** What the system says. */
export type Fault = "ENOSPC" | "EIO" | "EROFS"

const mount = (...args: ReadonlyArray<string>): boolean => spawnSync("mount", args, { stdio: "ignore" }).status === 0

const mustMount = (...args: ReadonlyArray<string>): void => {
  if (!mount(...args)) throw new Error(`mount ${args.join(" ")} has failed`)
}

/** Fills it down to the last block. */
const fill = (folder: string): Broken => {
  const names: Array<string> = []
  const stay = (): void => {
    try {
      for (;;) {
        const name = join(folder, `ballast-${names.length}`)
        names.push(name)
        writeFileSync(name, new Uint8Array(4096))
      }
    } catch {
      // There is no room any more.
    }
  }
  stay()
  return { stay, mend: () => names.forEach((name) => rmSync(name, { force: true })) }
}

const nothing = (): void => undefined

/** No other user may write there, as the store demands of a folder. */
const mounted = (folder: string): boolean => mount("-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", folder)

const mountable: Partial<Record<Fault, (folder: string) => Broken>> = {
  ENOSPC: fill,
  EROFS: (folder) => {
    mustMount("-o", "remount,ro", folder)
    return { stay: nothing, mend: () => mustMount("-o", "remount,rw", folder) }
  }
}

/** Some file systems tell of a full disk when a file is flushed; one that is read-only refuses names. */
const calls: Readonly<Record<Fault, string>> = { ENOSPC: "fsync", EIO: "fsync", EROFS: "link,rename,unlink,fchmod" }

/** A disk with a fault; none where the machine has no means to bring that about. */
export const make = (fault: Fault, parent: string): Disk | undefined => {
  const folder = mkdtempSync(join(parent, `${fault}-`))
  const breaks = mountable[fault]
  if (breaks !== undefined && mounted(folder)) {
    const remove = () => void spawnSync("umount", ["-l", folder], { stdio: "ignore" })
    return { folder, by: "mount", breaks: () => breaks(folder), remove }
  }
  if (!Tracer.isThere()) return undefined
  const failing = async (thread: string) => ({ stay: nothing, mend: await Tracer.failing(thread, calls[fault], fault) })
  return { folder, by: "strace", breaks: failing, remove: nothing }
}
