/** The id of the last event as a header field. */

/** Servers limit the size of a header. */
const maxBytes = 4096

/** Characters that a header field cannot carry: control characters, and spaces at its ends. */
const unsendable = /\p{Cc}|^ | $/u

/**
 * The bytes of the id in UTF-8, one character for each byte. Undefined for an id that would arrive as another one.
 *
 * Specification: [HTML §9.2.3](https://html.spec.whatwg.org/multipage/server-sent-events.html#concept-event-stream-last-event-id).
 */
export const toFieldValue = (id: string): string | undefined => {
  if (unsendable.test(id)) return undefined
  let text = ""
  for (const byte of new TextEncoder().encode(id)) text += String.fromCharCode(byte)
  return text.length > maxBytes ? undefined : text
}
