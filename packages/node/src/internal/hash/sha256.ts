import { createHash } from "node:crypto"

/** The SHA-256 of a text in hexadecimal digits. */
export const sha256Hex = (text: string, encoding: "utf8" | "utf16le" = "utf8"): string =>
  createHash("sha256").update(text, encoding).digest("hex")
