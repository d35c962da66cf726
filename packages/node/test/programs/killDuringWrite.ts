// Replaces the token of version 1 and kills its own process before the disk operation with number `at`. With a number
// such as 3.5, it kills the process half-way through the write of operation 3.5 + 0.5.
import * as Token from "@countersign/auth/Token"
import * as FileTokenStore from "@countersign/node/FileTokenStore"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import fs, { constants } from "node:fs"
import { syncBuiltinESMExports } from "node:module"

const [path = "", at = "0"] = process.argv.slice(2)
const trace: Array<string> = []
let armed = false

const die = () => process.kill(process.pid, "SIGKILL")

const before = (target: Record<string, unknown>, name: string, counts: (args: Array<unknown>) => boolean) => {
  const original = target[name] as (...args: Array<unknown>) => Promise<unknown> // patched by name, so its type is lost
  target[name] = async function (this: unknown, ...args: Array<unknown>) {
    if (armed && counts(args)) {
      trace.push(name)
      if (trace.length === Number(at)) die()
      if (trace.length + 0.5 === Number(at) && name === "writeFile") {
        await original.apply(
          this,
          args.map((arg) => (arg instanceof Uint8Array ? arg.subarray(0, arg.length / 2) : arg))
        )
        die()
      }
    }
    return original.apply(this, args)
  }
}

const handle = await fs.promises.open(process.execPath)
const handleMethods = Object.getPrototypeOf(handle) as Record<string, unknown> // to patch it by name
await handle.close()
const functions = fs.promises as unknown as Record<string, unknown> // to patch it by name
for (const name of ["link", "unlink", "rename", "writeFile", "mkdir"]) before(functions, name, () => true)
before(functions, "open", ([, flags]) => (Number(flags) & constants.O_CREAT) !== 0)
for (const name of ["chmod", "writeFile", "sync"]) before(handleMethods, name, () => true)
syncBuiltinESMExports()

await Effect.runPromise(
  Effect.gen(function* () {
    const store = yield* FileTokenStore.make({ path })
    armed = true
    yield* store.compareAndSet("key", 1, Token.bearer(Redacted.make("canary-new"), 0))
    armed = false
    process.stdout.write(`${trace.join(" ")}\n`)
  })
)
