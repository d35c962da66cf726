// Which skipped tests CI accepts: those of `allowed-skips.json`, each with a reason. Parts of stress cases are listed there
// too, as `npm run stress > case > what is skipped`.
import { readFileSync } from "node:fs"

const shapeOf = (entry) => Object.keys(entry).sort().join()

/** The name of a test in the list. */
export const nameOf = (file, ...titles) =>
  [file.replaceAll("\\", "/"), ...titles.filter((one) => one !== "")].join(" > ")

/** The listed tests, `file > describe > name`. Throws if an entry has no reason or is listed twice. */
export const parse = (text) => {
  const entries = JSON.parse(text)
  const names = new Set()
  for (const entry of entries) {
    const { reason, test } = entry
    if (shapeOf(entry) !== "reason,test" || typeof test !== "string" || typeof reason !== "string") {
      throw new Error(`allowed-skips.json: an entry has exactly \`test\` and \`reason\`: ${JSON.stringify(entry)}`)
    }
    if (reason.trim() === "") throw new Error(`allowed-skips.json: \`reason\` is empty for "${test}"`)
    if (names.has(test)) throw new Error(`allowed-skips.json: "${test}" is listed twice`)
    names.add(test)
  }
  return names
}

/** The file of a test of the list. */
export const fileOf = (name) => name.split(" > ")[0]

/** First part of the name of a stress case, where the name of a test has its file. */
export const stress = "npm run stress"

/** Whether a name of the list is a part of a stress case. */
export const isOfStress = (name) => name.startsWith(`${stress} > `)

/** Whether a name of the list is a test of vitest. */
export const isOfTests = (name) => !isOfStress(name)

/** Reads the entries of this repository's list that `belongs` accepts by name. */
export const readAllowed = (belongs) =>
  new Set([...parse(readFileSync(new URL("allowed-skips.json", import.meta.url), "utf8"))].filter(belongs))

/** What to do about a skipped test or part that is not listed. */
export const unlisted = (test) =>
  `skipped, but not in .ci/allowed-skips.json: ${test}. Install what it needs, or list it with a reason.`

/** What to do about a listed test or part that was not skipped. */
export const stale = (test) => `listed in .ci/allowed-skips.json, but not skipped: ${test}. Remove it from the list.`
