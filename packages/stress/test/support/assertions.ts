import { expect } from "vitest"
import * as Stress from "../../src/Stress.js"

/** Good figures pass all assertions, each bad figure fails one, and each assertion fails for a bad figure. */
export const expectEachBroken = <F extends Stress.Measurements>(
  assertions: Stress.Assertions<F>,
  good: F,
  bad: ReadonlyArray<F>
): void => {
  expect(Stress.check(assertions, good)).toEqual([])
  for (const figures of bad) expect(Stress.check(assertions, figures)).not.toEqual([])
  expect(new Set(bad.flatMap((figures) => Stress.check(assertions, figures)))).toEqual(new Set(Object.keys(assertions)))
}
