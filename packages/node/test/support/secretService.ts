import type { ChildProcess } from "node:child_process"
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { globalValue } from "effect/GlobalValue"

/**
 * Configuration of a private message bus that starts no services. Its limit of connections is that of a session bus: the
 * binding keeps a connection of each operation until the next garbage collection.
 */
const busConfig = (folder: string) => `<busconfig>
  <type>session</type>
  <listen>unix:dir=${folder}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
  </policy>
  <limit name="max_connections_per_user">100000</limit>
</busconfig>`

const isInstalled = (program: string): boolean => {
  try {
    return execFileSync("sh", ["-c", `command -v ${program}`]).length > 0
  } catch {
    return false
  }
}

const programs = { bus: "dbus-daemon", ask: "dbus-send", keyring: "gnome-keyring-daemon" }

/** Required programs that are not installed. */
export const missing: ReadonlyArray<string> = Object.values(programs).filter((program) => !isInstalled(program))

/** A message bus for this process, and gnome-keyring on it when it is started. */
export interface Session {
  /** Starts the keyring: unlocked, and created if it is missing, or locked. */
  readonly start: (state: "unlocked" | "locked") => Promise<void>
  readonly stop: () => Promise<void>
  readonly close: () => Promise<void>
}

const stopProcess = async (child: ChildProcess | undefined): Promise<void> => {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, "exit")
  child.kill("SIGKILL")
  await exit
}

const isOnBus = (): boolean => {
  const names = execFileSync(
    programs.ask,
    ["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.ListNames"],
    { encoding: "utf8" }
  )
  return names.includes("org.freedesktop.secrets")
}

const untilOnBus = async (): Promise<void> => {
  for (let tries = 0; !isOnBus(); tries++) {
    if (tries === 100) throw new Error("gnome-keyring-daemon did not come up within 5 seconds")
    await new Promise((resume) => setTimeout(resume, 50))
  }
}

/** Runs a message bus until the standard input ends, and so until the parent process does. */
const busScript = `${programs.bus} --nofork --print-address=1 --config-file="$1/bus.conf" & read -r _; kill $!; rm -rf "$1"`

/** A message bus that runs until this process ends, with its address. */
const startBus = async (): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), "countersign-bus-"))
  writeFileSync(join(folder, "bus.conf"), busConfig(folder))
  const bus = spawn("sh", ["-c", busScript, "sh", folder], { stdio: ["pipe", "pipe", "ignore"] })
  const { value: address } = await createInterface({ input: bus.stdout })[Symbol.asyncIterator]().next()
  if (address === undefined) throw new Error("dbus-daemon did not come up")
  bus.unref()
  return address
}

/**
 * The address of this process's bus. Test files share a process, and the keychain's binding connects to a bus once for each
 * process: it would not find the bus of a second file.
 */
const busAddress = (): Promise<string> => globalValue("@countersign/node/test/bus", startBus)

/** Opens a session with a new keyring. This process and its child processes use its bus until it is closed. */
export const openSession = async (): Promise<Session> => {
  const address = await busAddress()
  const folder = mkdtempSync(join(tmpdir(), "countersign-keyring-"))
  const before = process.env["DBUS_SESSION_BUS_ADDRESS"]
  process.env["DBUS_SESSION_BUS_ADDRESS"] = address
  const home = { HOME: folder, XDG_DATA_HOME: join(folder, "data"), XDG_RUNTIME_DIR: folder }
  mkdirSync(home.XDG_DATA_HOME)

  let keyring: ChildProcess | undefined
  const stop = () => stopProcess(keyring)
  return {
    start: async (state) => {
      const args = ["--foreground", "--components=secrets", ...(state === "unlocked" ? ["--unlock"] : [])]
      const child = spawn(programs.keyring, args, {
        env: { ...process.env, ...home },
        stdio: ["pipe", "ignore", "ignore"]
      })
      keyring = child
      child.stdin.end("pw\n")
      await untilOnBus()
    },
    stop,
    close: async () => {
      await stop()
      if (before === undefined) delete process.env["DBUS_SESSION_BUS_ADDRESS"]
      else process.env["DBUS_SESSION_BUS_ADDRESS"] = before
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
