/** Faults of a disk: a small file system is filled or mounted read-only. Without permission to mount, system calls fail. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Tracer from "../crash/tracer.js"

/** A fault that has started. */
interface ActiveFault {
  /** Fills space that was freed since the fault started. */
  readonly stay: () => void
  readonly mend: () => void | Promise<void>
}

/** A disk, and its fault that can be started and ended. */
export interface Disk {
  readonly folder: string
  /** How the fault is caused. */
  readonly by: "mount" | "strace"
  readonly breaks: (thread: string) => ActiveFault | Promise<ActiveFault>
  readonly remove: () => void
}

/** The error code of the system. */
export type Fault = "ENOSPC" | "EIO" | "EROFS"

const mount = (...args: ReadonlyArray<string>): boolean => spawnSync("mount", args, { stdio: "ignore" }).status === 0

const mustMount = (...args: ReadonlyArray<string>): void => {
  if (!mount(...args)) throw new Error(`mount ${args.join(" ")} failed`)
}

/** Fills the file system down to the last block. */
const fill = (folder: string): ActiveFault => {
  const names: Array<string> = []
  const stay = (): void => {
    try {
      for (;;) {
        const name = join(folder, `ballast-${names.length}`)
        names.push(name)
        writeFileSync(name, new Uint8Array(4096))
      }
    } catch {
      // The file system is full.
    }
  }
  stay()
  return { stay, mend: () => names.forEach((name) => rmSync(name, { force: true })) }
}

const nothing = (): void => undefined

/** The store requires a folder that no other user can write to. */
const mounted = (folder: string): boolean => mount("-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", folder)

const mountable: Partial<Record<Fault, (folder: string) => ActiveFault>> = {
  ENOSPC: fill,
  EROFS: (folder) => {
    mustMount("-o", "remount,ro", folder)
    return { stay: nothing, mend: () => mustMount("-o", "remount,rw", folder) }
  }
}

/** Some file systems report a full disk at the flush of a file. A read-only one rejects changes of names. */
const calls: Readonly<Record<Fault, string>> = { ENOSPC: "fsync", EIO: "fsync", EROFS: "link,rename,unlink,fchmod" }

/** A disk with a fault. Undefined if this machine cannot cause the fault. */
export const make = (fault: Fault, parent: string): Disk | undefined => {
  const folder = mkdtempSync(join(parent, `${fault}-`))
  const breaks = mountable[fault]
  if (breaks !== undefined && mounted(folder)) {
    const remove = () => void spawnSync("umount", ["-l", folder], { stdio: "ignore" })
    return { folder, by: "mount", breaks: () => breaks(folder), remove }
  }
  if (!Tracer.isAvailable()) return undefined
  const failing = async (thread: string) => ({
    stay: nothing,
    mend: await Tracer.failCalls(thread, calls[fault], fault)
  })
  return { folder, by: "strace", breaks: failing, remove: nothing }
}
