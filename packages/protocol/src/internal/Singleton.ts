/** Maximum number of equal values that are recognized in a joined field. */
const MAX_COPIES = 4

/**
 * The value of a field with a single value, if a transport joined equal ones: `x, x` is `x`.
 *
 * Different joined values stay joined, and are then not a valid value of the field.
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
