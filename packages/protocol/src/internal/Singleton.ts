/** Transports join the values of repeated fields. The most copies of one value that are recognized. */
const MAX_COPIES = 4

/**
 * The value of a field that has one value, where a transport has joined equal ones: `x, x` is `x`. What is joined of
 * different values stays as it is, and is then no valid value of its field.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-5.3
 * @internal
 */
export const single = (text: string): string => {
  if (!text.includes(", ")) return text
  for (let copies = 2; copies <= MAX_COPIES; copies++) {
    const length = (text.length - 2 * (copies - 1)) / copies
    const value = text.slice(0, length)
    if (Number.isInteger(length) && length > 0 && text === Array(copies).fill(value).join(", ")) return value
  }
  return text
}
