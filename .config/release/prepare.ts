/** The commit before a release: the version, and the section of the changelog. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fromDisk } from "../docs/repository.js"
import { versionFile, versionModule, versionOf } from "../docs/versions.js"
import { run, tool } from "../packages/command.js"
import { hasVersion, moveUnreleased } from "./changelog.js"
import { openChangesets } from "./readiness.js"

/**
 * Applies the changesets in a folder with a copy of the repository, and moves the changelog to the new version. Without
 * changesets the version stays, as for the first release. Returns the version. Throws before it writes, if the changelog
 * has no changes that are not released, or if there are changesets before the first release.
 *
 * @param date The day of the release, such as `2026-11-30`.
 */
export const prepare = async (root: string, date: string): Promise<string> => {
  const changelog = join(root, "CHANGELOG.md")
  const text = readFileSync(changelog, "utf8")
  const open = openChangesets(fromDisk(root))
  const isNext = open.length > 0
  const current = versionOf(fromDisk(root)) ?? ""
  if (isNext && !hasVersion(text, current)) {
    throw new Error(`${current} is not released yet, and needs no changesets. Delete ${open.join(", ")}.`)
  }
  // A version that no changelog has: moving fails now for any other cause, before files are changed.
  moveUnreleased(text, isNext ? "next" : current, date)
  if (isNext) await run(tool("changeset"), ["version"], { cwd: root })
  const version = versionOf(fromDisk(root))
  if (version === undefined) throw new Error("The version is unknown: a manifest has none. Correct it.")
  writeFileSync(join(root, versionFile), versionModule(version))
  writeFileSync(changelog, moveUnreleased(text, version, date))
  return version
}
