/** The median. NaN without values. */
export const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2
}

/** The value below which a share of the values is, such as 0.99. NaN without values. */
export const percentile = (values: ReadonlyArray<number>, share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN

/** Rounds to a number of digits after the decimal point. */
export const round = (value: number, digits: number): number => Number(value.toFixed(digits))

/** Groups digits by three: `1 234 567`. */
export const grouped = (value: number, digits = 0): string => {
  const [whole = "", fraction] = Math.abs(value).toFixed(digits).split(".")
  const groups = whole.replace(/\B(?=(?:\d{3})+$)/g, " ")
  return `${value < 0 ? "-" : ""}${groups}${fraction === undefined ? "" : `.${fraction}`}`
}
