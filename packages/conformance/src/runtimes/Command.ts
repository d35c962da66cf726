/** Runs commands, and reads their output. */
import { execFile } from "node:child_process"

/** Runs a command and returns its standard output. If it fails, the error has both outputs. */
export const runCommand = (command: string, args: ReadonlyArray<string>, cwd: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const options = { cwd, maxBuffer: 64 * 1024 * 1024, timeout: 300_000 }
    execFile(command, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`${command} ${args.join(" ")}\n${stdout}${stderr}`, { cause: error }))
    })
  })
