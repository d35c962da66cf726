/** Paths of files from options and variables. */
import { TokenStoreError } from "@countersign/auth/Errors"
import * as Effect from "effect/Effect"
import { resolve } from "node:path"
import { quote } from "./systemError.js"

const failure = (detail: string) => Effect.fail(new TokenStoreError({ reason: "WriteFailed", detail }))

/** Whether a path begins with the home folder in the notation of a shell: `~`, `~/…` or `~user/…`. */
const hasTilde = (path: string): boolean => /^~[^/\\]*(?:[/\\]|$)/.test(path)

/**
 * Resolves a path against the working directory. Fails for an empty path, and for `~`, which only a shell replaces: Node
 * would make a folder of that name.
 */
export const resolvePath = (option: string, path: string): Effect.Effect<string, TokenStoreError> => {
  // A variable that is not set arrives as undefined, in spite of the type.
  if (typeof path !== "string" || path === "") {
    return failure(`\`${option}\` is empty. Set the environment variable or the value that it comes from.`)
  }
  return hasTilde(path)
    ? failure(`\`${option}\` ${quote(path)} begins with ~, which only a shell replaces. Use \`join(homedir(), …)\`.`)
    : Effect.succeed(resolve(path))
}
