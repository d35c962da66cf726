/** The sections of CHANGELOG.md (Keep a Changelog): one for each version, and one for what is not released. */

const unreleased = "## [Unreleased]"

const isHeading = (line: string): boolean => line.startsWith("## ")

/** Whether the changelog has a section for the version. */
export const hasVersion = (changelog: string, version: string): boolean =>
  changelog.split("\n").some((line) => line === `## [${version}]` || line.startsWith(`## [${version}] - `))

/** The lines below a heading, until the next one. */
const bodyAt = (lines: ReadonlyArray<string>, heading: number): string => {
  const rest = lines.slice(heading + 1)
  const end = rest.findIndex(isHeading)
  return rest.slice(0, end === -1 ? rest.length : end).join("\n")
}

/** Whether the section of changes that are not released has text. */
export const hasUnreleased = (changelog: string): boolean => {
  const lines = changelog.split("\n")
  const at = lines.indexOf(unreleased)
  return at !== -1 && bodyAt(lines, at).trim() !== ""
}

const failure = (cause: string): Error => new Error(`The changelog cannot be moved to the version: ${cause}`)

/**
 * Moves the section of changes that are not released to a version, and leaves an empty one above it. Throws if there is
 * not exactly one such section, if it is empty, or if the version has a section already.
 *
 * @param date The day of the release, such as `2026-11-30`.
 */
export const moveUnreleased = (changelog: string, version: string, date: string): string => {
  const lines = changelog.split("\n")
  const at = lines.indexOf(unreleased)
  if (at === -1) throw failure(`CHANGELOG.md has no line "${unreleased}". Add it above the newest version.`)
  if (lines.lastIndexOf(unreleased) !== at) throw failure(`"${unreleased}" occurs twice. Remove one of them.`)
  if (hasVersion(changelog, version)) throw failure(`it has ${version} already. Add a changeset for the next version.`)
  if (!hasUnreleased(changelog)) throw failure(`"${unreleased}" is empty. Write what users notice.`)
  return [...lines.slice(0, at + 1), "", `## [${version}] - ${date}`, ...lines.slice(at + 1)].join("\n")
}
