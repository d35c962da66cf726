/**
 * The rules of plain English that a program can check: words without an actor, long sentences in documents, docstrings that
 * a hover shows and that mean nothing by themselves, and test names that begin in the middle of a sentence.
 */
import { exportsOf, textOfDoc } from "./exports.js"
import type { Problem } from "./problem.js"
import { documents, type Repository } from "./repository.js"
import { type Block, blocksOf, linesBefore, sentencesOf } from "./sentences.js"
import { commentsOf, lineAt, parse, stringsOf, testNamesOf, type Text } from "./texts.js"

const longest = 30

const actor = "name the actor: the caller, the user, the client, the server, another process"
const words: Readonly<Record<string, string>> = {
  whoever: actor,
  whose: actor,
  who: actor,
  somebody: actor,
  nobody: actor,
  "to be had": "say where it is available",
  "comes of it": "say what the result is",
  "how manieth": "say which number it is",
  "in the place of": "say what replaces what",
  "of one's own": "say which one it is",
  "tells of": "say what it reports",
  "is none of": "say that it is not one of them"
}
const pattern = Object.keys(words).map((word) => word.replaceAll(" ", "\\s+").replace("'", "['’]"))
const forbidden = new RegExp(`\\b(?:${pattern.join("|")})\\b`, "gi")
// A fast test of whole files: finding all comments of a file takes ten times as long.
const suspicious = new RegExp(forbidden.source.replaceAll("\\s+", "[\\s*/]+"), "i")

interface Hit {
  readonly index: number
  readonly message: string
}

/** The forbidden words of a text. */
const wordsIn = (text: string): ReadonlyArray<Hit> =>
  Array.from(text.matchAll(forbidden), ({ 0: found, index }) => {
    const word = found.replace(/\s+/g, " ")
    return { index, message: `"${word}": ${words[word.toLowerCase().replace("’", "'")] ?? actor}` }
  })

const tooLong = ({ kind, text }: Block): ReadonlyArray<Hit> =>
  (kind === "paragraph" || kind === "item" ? sentencesOf(text) : [])
    .filter((sentence) => sentence.words.length > longest)
    .map(({ start, words }) => {
      const beginning = words.slice(0, 4).join(" ").replace(/`+/g, "`…`")
      const message = `a sentence of ${words.length} words, "${beginning} …": split it, at most ${longest} are allowed`
      return { index: start, message }
    })

const inDocument = (file: string, text: string): ReadonlyArray<Problem> =>
  blocksOf(text).flatMap((block) =>
    [...wordsIn(block.text), ...tooLong(block)].map(({ index, message }) => {
      return { file, line: block.line + linesBefore(block.text, index), message }
    })
  )

const beginnings = [
  ...["that", "of", "and", "is", "are", "was", "whose", "in", "for", "with", "from", "by", "where", "when", "which"],
  ...["who", "until", "while", "on", "at", "not", "no", "the", "a", "an", "its", "one", "what", "there"]
]
const fragment = new RegExp(`^\\s*(${beginnings.join("|")})\\s`, "i")

const beginningOf = ({ kind, text }: Text): ReadonlyArray<Hit> => {
  const [, word] = kind === "test" ? (fragment.exec(text) ?? []) : []
  if (word === undefined) return []
  return [
    { index: 0, message: `a test name begins with "${word}": begin with a verb, then the outcome and the condition` }
  ]
}

const isSource = (file: string): boolean => /^packages\/[^/]+\/src\//.test(file)
const isTest = (file: string): boolean => /^packages\/[^/]+\/test\//.test(file)
const isCode = (file: string): boolean =>
  /\.[cm]?[jt]s$/.test(file) && (isSource(file) || isTest(file) || /^\.(?:config|ci)\//.test(file))

/** Sources with texts of other authors: the documents that httpbin serves. Their string literals are not checked. */
const quotedTexts: ReadonlySet<string> = new Set(["packages/testing/src/internal/httpBin/content.ts"])

const inCode = (file: string, text: string): ReadonlyArray<Problem> => {
  const isSuspicious = suspicious.test(text)
  if (!isSuspicious && !isTest(file)) return []
  const source = parse(file, text)
  const texts = [
    ...(isSuspicious ? commentsOf(source) : []),
    ...(isSuspicious && isSource(file) && !quotedTexts.has(file) ? stringsOf(source) : []),
    ...(isTest(file) ? testNamesOf(source) : [])
  ]
  return texts.flatMap((one) =>
    [...wordsIn(one.text), ...beginningOf(one)].map(({ index, message }) => ({
      file,
      line: lineAt(source, one.start + index),
      message
    }))
  )
}

const isLink = (word: string): boolean => word.includes("@link")

/** What is wrong with the first sentence of a docstring; `undefined` if nothing is. */
const complaint = (doc: string): string | undefined => {
  const [paragraph = ""] = doc.trim().split(/\n\s*\n/)
  const [first] = sentencesOf(paragraph.replace(/\{@link[^}]*\}/g, "@link"))
  if (first === undefined) return "has no first sentence"
  const further = first.words.filter((word) => !isLink(word) && !/^(?:an?|the)$/i.test(word))
  if (first.words.some(isLink) && further.length < 3) return "has a first sentence that is only a link"
  return first.words.length < 3 ? "has a first sentence of under three words" : undefined
}

const inDocstrings = (repository: Repository): ReadonlyArray<Problem> =>
  exportsOf(repository).flatMap(({ file, line, name, node }) => {
    const found = complaint(textOfDoc(node))
    return found === undefined ? [] : [{ file, line, message: `\`${name}\` ${found}: say what it is or does` }]
  })

/** Every text that breaks a rule, in the files that `includes` accepts. */
export const checkIn =
  (includes: (file: string) => boolean) =>
  (repository: Repository): ReadonlyArray<Problem> => [
    ...documents(repository)
      .filter(includes)
      .flatMap((file) => inDocument(file, repository.read(file) ?? "")),
    ...repository.files
      .filter((file) => isCode(file) && includes(file))
      .flatMap((file) => inCode(file, repository.read(file) ?? "")),
    ...inDocstrings(repository).filter(({ file }) => includes(file))
  ]

/** Every text that breaks a rule. */
export const check = checkIn(() => true)
