/** Publishing tarballs with npm. */
import type { Outcome } from "../packages/command.js"
import type { Tarball } from "./tarball.js"

/** Runs npm with arguments. */
export type Npm = (args: ReadonlyArray<string>) => Promise<Outcome>

/** The arguments of npm that publish a tarball. A prerelease does not become the version that users get by default. */
export const argumentsOf = ({ manifest, path }: Tarball): ReadonlyArray<string> => {
  const isPrerelease = String(manifest["version"]).includes("-")
  return ["publish", path, "--provenance", "--access", "public", ...(isPrerelease ? ["--tag", "next"] : [])]
}

const nameOf = ({ manifest }: Tarball): string => `${String(manifest["name"])}@${String(manifest["version"])}`

/** npm 11 reports E404 for a missing package and for a missing version. npm 10 prints nothing for a missing version. */
const isPublished = async (npm: Npm, tarball: Tarball): Promise<boolean> => {
  const { errors, isSuccess, output } = await npm(["view", nameOf(tarball), "version"])
  if (isSuccess) return output.trim() !== ""
  if (errors.includes("E404")) return false
  throw new Error(`${nameOf(tarball)} cannot be looked up: ${errors}`)
}

/**
 * Publishes tarballs in the given order, in which dependencies come first. It omits versions that npm has, so that a job
 * that failed can run again. It throws at the first failure.
 */
export const publish = async (
  tarballs: ReadonlyArray<Tarball>,
  npm: Npm,
  print: (line: string) => void
): Promise<void> => {
  for (const tarball of tarballs) {
    if (await isPublished(npm, tarball)) {
      print(`${nameOf(tarball)} is published already.`)
      continue
    }
    const { errors, isSuccess } = await npm(argumentsOf(tarball))
    if (!isSuccess) throw new Error(`${nameOf(tarball)} cannot be published: ${errors}`)
    print(`${nameOf(tarball)} is published.`)
  }
}
