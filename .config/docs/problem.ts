/** Something that the docs check found: where, and what to do about it. `line` counts from 1. */
export interface Problem {
  readonly file: string
  readonly line: number
  readonly message: string
}

/** One line, in the form that editors and terminals turn into a link. */
export const format = ({ file, line, message }: Problem): string => `${file}:${line} ${message}`
