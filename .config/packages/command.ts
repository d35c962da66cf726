import { execFile } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** The top level of the repository. */
export const root = fileURLToPath(new URL("../..", import.meta.url))

/** A tool of the workspace, such as `tsc`. */
export const tool = (name: string): string => join(root, "node_modules/.bin", name)

/** How a command ended. */
export interface Outcome {
  readonly isSuccess: boolean
  readonly output: string
  readonly errors: string
}

interface Settings {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Runs a command, and returns its outcome also if it fails. */
export const attempt = (
  command: string,
  args: ReadonlyArray<string>,
  { cwd = root, env = {} }: Settings = {}
): Promise<Outcome> =>
  new Promise((resolve) => {
    const options = { cwd, env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024 }
    execFile(command, args, options, (error, output, errors) => {
      resolve({ isSuccess: error === null, output, errors })
    })
  })

/** Runs a command and returns its output. If the command fails, the error has the output. */
export const run = async (command: string, args: ReadonlyArray<string>, settings?: Settings): Promise<string> => {
  const { errors, isSuccess, output } = await attempt(command, args, settings)
  if (!isSuccess) throw new Error(`${command} ${args.join(" ")} failed:\n${output}${errors}`)
  return output
}
