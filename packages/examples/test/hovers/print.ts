/** Prints the hovers of the most used names: `npx tsx packages/examples/test/hovers/print.ts`. */
import { hovers } from "./quickInfo.js"

for (const { name, text, type } of await hovers())
  console.log(`${name}\n  ${type}\n  ${text}\n`.replace(/\n(?=.)/g, "\n  "))
