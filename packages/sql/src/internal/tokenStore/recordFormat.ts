/** The format of the text of a record. */

/** Name of the format. */
export const format = "countersign/token"
/** Version of the format. */
export const formatVersion = 1
/** Maximum length of a text, in bytes of UTF-8. */
export const maxTextLength = 512 * 1024
/** The first characters of each text of this format. */
export const prefix: string = `{"format":"${format}","formatVersion":${formatVersion},`
