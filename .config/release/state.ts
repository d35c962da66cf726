/** The state of the work tree and of the job that publishes. */
import { run } from "../packages/command.js"

/** The state of the work tree and of the job. */
export interface State {
  /** The checked out branch. It is `HEAD` for a commit without a branch. */
  readonly branch: string
  /** The lines of `git status --porcelain`. */
  readonly changes: ReadonlyArray<string>
  /** Whether the job can prove to npm which repository it belongs to, with OpenID Connect. */
  readonly hasIdentity: boolean
}

/** Reads the state of the repository in a folder. */
export const readState = async (
  folder: string,
  environment: Readonly<Record<string, string | undefined>>
): Promise<State> => {
  const git = (...args: ReadonlyArray<string>) => run("git", args, { cwd: folder })
  return {
    branch: (await git("rev-parse", "--abbrev-ref", "HEAD")).trim(),
    changes: (await git("status", "--porcelain")).split("\n").filter((line) => line !== ""),
    hasIdentity: (environment["ACTIONS_ID_TOKEN_REQUEST_URL"] ?? "") !== ""
  }
}

/** The reasons why the work tree cannot be released. */
export const checkClean = ({ changes }: State): ReadonlyArray<string> =>
  changes.length === 0 ? [] : [`The tree has changes. Commit them:\n${changes.join("\n")}`]
