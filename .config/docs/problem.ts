/** A problem that the docs check reports, with its place and its fix. `line` counts from 1. */
export interface Problem {
  readonly file: string
  readonly line: number
  readonly message: string
}

/** One line, which starts with `file:line` so that editors and terminals link it. */
export const format = ({ file, line, message }: Problem): string => `${file}:${line} ${message}`
