/** Each decision record has its own number, and the index lists it. */
import type { Problem } from "./problem.js"
import type { Repository } from "./repository.js"

const record = /^docs\/decisions\/(\d{4})-.*\.md$/

const index = "docs/README.md"

/** Reports two records of one number, a title with another number, and a record that the index does not list. */
export const check = (repository: Repository): ReadonlyArray<Problem> => {
  const listed = repository.read(index) ?? ""
  const records = repository.files.flatMap((file) => {
    const number = record.exec(file)?.[1]
    return number === undefined ? [] : [{ file, number }]
  })
  return records.flatMap(({ file, number }, position) => {
    const isTaken = records.slice(0, position).some((other) => other.number === number)
    const isTitled = (repository.read(file) ?? "").startsWith(`# ${Number(number)}. `)
    const isListed = listed.includes(file.slice("docs/".length))
    return [
      ...(isTaken ? [`another record has the number ${number}: take the next one`] : []),
      ...(isTitled ? [] : [`the title does not begin with "# ${Number(number)}. "`]),
      ...(isListed ? [] : [`${index} does not list the record`])
    ].map((message) => ({ file, line: 1, message }))
  })
}
