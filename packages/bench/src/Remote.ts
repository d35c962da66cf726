/** Calls functions in another process over IPC. */
import { fork } from "node:child_process"
import { join } from "node:path"

/** The methods of a program: at most one argument, and JSON values. */
export interface Methods {
  // `never` accepts functions of any argument, because parameters are contravariant.
  readonly [name: string]: (argument: never) => unknown
}

interface Call {
  readonly id: number
  readonly method: string
  readonly argument: unknown
}

type Reply = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: string }

/** A handle of a process, with its methods. */
export interface Remote<M extends Methods> {
  readonly call: <K extends keyof M & string>(
    method: K,
    ...argument: Parameters<M[K]>
  ) => Promise<Awaited<ReturnType<M[K]>>>
  readonly stop: () => Promise<void>
}

interface Waiting {
  readonly resolve: (value: never) => void
  readonly reject: (error: Error) => void
}

/**
 * Starts a program of `src/programs` and returns at once.
 *
 * @param flags - for Node, such as `--expose-gc`.
 * @param env - environment variables in addition to those of this process.
 */
export const start = <M extends Methods>(
  staged: string,
  program: string,
  args: ReadonlyArray<string> = [],
  flags: ReadonlyArray<string> = [],
  env: Readonly<Record<string, string>> = {}
): Remote<M> => {
  // Without the flags of this process, which include the TypeScript loader.
  const child = fork(join(staged, "src/programs", `${program}.js`), [...args], {
    execArgv: [...flags],
    env: { ...process.env, ...env },
    stdio: ["ignore", 2, 2, "ipc"]
  })
  const waiting = new Map<number, Waiting>()
  let last = 0
  child.on("message", (reply: Reply) => {
    const one = waiting.get(reply.id)
    waiting.delete(reply.id)
    if ("error" in reply) one?.reject(new Error(`${program} ${args.join(" ")}: ${reply.error}`))
    // The type of the called method is the type of the value with this id.
    else one?.resolve(reply.value as never)
  })
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  void ended.then(() => {
    for (const { reject } of waiting.values()) reject(new Error(`${program} ${args.join(" ")} has ended`))
  })
  return {
    call: (method, ...[argument]) =>
      new Promise((resolve, reject) => {
        const id = ++last
        waiting.set(id, { resolve, reject })
        child.send({ id, method, argument } satisfies Call)
      }),
    stop: () => {
      child.kill()
      return ended
    }
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error))

/** In the started process: serves the calls of the parent process, and ends with it. */
export const answer = <M extends Methods>(methods: M): void => {
  const reply = async ({ argument, id, method }: Call): Promise<void> => {
    try {
      // Both processes use one type of methods.
      const value = await methods[method]?.(argument as never)
      process.send?.({ id, value })
    } catch (error) {
      process.send?.({ id, error: textOf(error) })
    }
  }
  process.on("message", (call: Call) => void reply(call))
  process.on("disconnect", () => process.exit(0))
}
