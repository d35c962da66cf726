// A reporter of vitest, used if `CI` is `true`: a skipped test that is not in `allowed-skips.json` fails the run.
import { relative } from "node:path"
import * as Skips from "./skips.mjs"

export default class SkipReporter {
  onInit(vitest) {
    this.vitest = vitest
  }

  onTestRunEnd(modules) {
    // `-t` skips every other test.
    const { root, testNamePattern } = this.vitest.config
    if (testNamePattern !== undefined) return
    const allowed = Skips.readAllowed(Skips.isOfTests)
    const skipped = modules.flatMap((module) =>
      [...module.children.allTests("skipped")].map(({ fullName }) =>
        Skips.nameOf(relative(root, module.moduleId), fullName)
      )
    )
    const problems = skipped.filter((test) => !allowed.has(test)).map(Skips.unlisted)
    for (const problem of problems) console.error(`  ${problem}`)
    if (problems.length > 0) process.exitCode = 1
  }
}
