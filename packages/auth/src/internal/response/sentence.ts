/**
 * The text with a period at its end. A detail may end with a text of the server, or with its own period. A command at the
 * end stays as it is, because users copy it.
 */
export const sentence = (text: string): string => (/ Run: .*$/.test(text) ? text : text.replace(/[^.?!…]$/, "$&."))
