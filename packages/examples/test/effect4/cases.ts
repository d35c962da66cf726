/** All sources that the codemod rewrites in the tests. */
import type { Case } from "./case.js"
import { calls, exportsAndModules } from "./exportCases.js"
import { otherNames } from "./nameCases.js"
import { httpClientErrors, members } from "./valueCases.js"

export const cases: ReadonlyArray<Case> = [
  ...exportsAndModules,
  ...calls,
  ...members,
  ...httpClientErrors,
  ...otherNames
]
