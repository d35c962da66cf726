import { describe, expect, it } from "@effect/vitest"
import { format } from "../../../.config/docs/problem.js"
import * as Prose from "../../../.config/docs/prose.js"
import { fromTexts } from "../../../.config/docs/repository.js"

const source = "packages/client/src/internal/a.ts"
const test = "packages/client/test/a.test.ts"
const document = "docs/a.md"

/** `line message` of each problem of a file, without the advice. */
const problems = (file: string, text: string): ReadonlyArray<string> =>
  Prose.check(fromTexts({ [file]: text })).map(
    (problem) =>
      format(problem)
        .slice(file.length + 1)
        .split(": ")[0] ?? ""
  )

const times = (count: number, word: string): string => Array.from({ length: count }, () => word).join(" ")

describe("prose.check, word list", () => {
  it.each([
    ...["who", "Whose", "whoever", "somebody", "NOBODY", "to be had", "comes of it", "how manieth", "in the place of"],
    ...["of one's own", "of one’s own", "tells of", "is none of"]
  ])("reports %s in documents, comments, strings and test names", (word) => {
    expect(problems(document, `# A\n\nBefore ${word} after.`)).toEqual([`3 "${word}"`])
    expect(problems(source, `\n/** Before ${word} after. */\nexport const a = 1`)).toEqual([`2 "${word}"`])
    expect(problems(source, `export const a = \`before ${word} after\``)).toEqual([`1 "${word}"`])
    expect(problems(test, `it(\`sends ${word} again\`, () => {})`)).toEqual([`1 "${word}"`])
  })

  it.each(["whole", "whom", "nobodysecret", "to behave", "becomes of items", "who_am_i", "retells often"])(
    "accepts %s",
    (word) => {
      expect(problems(document, `Before ${word} after.`)).toEqual([])
      expect(problems(source, `// Before ${word} after.\nexport const a = "the ${word}"`)).toEqual([])
    }
  )

  it("says what to write instead", () => {
    const [problem] = Prose.check(fromTexts({ [document]: "A token is to be had there." }))
    expect(problem).toEqual({ file: document, line: 1, message: '"to be had": say where it is available' })
  })

  it("reports a phrase that continues on the next line", () => {
    expect(problems(document, "- A token is to be\n  had there.")).toEqual(['1 "to be had"'])
    expect(problems(source, "/**\n * A token is to be\n * had there.\n */")).toEqual(['2 "to be had"'])
    expect(problems(source, "  // A token is to\n  // be had there.\n")).toEqual(['1 "to be had"'])
  })

  it("reports headings, list items, quotes and table cells of documents", () => {
    const text = "# Who\n\n- who\n- whose\n\n> nobody\n\n| a | b |\n| - | - |\n| c | somebody |"
    expect(problems(document, text)).toEqual(['1 "Who"', '3 "who"', '4 "whose"', '6 "nobody"', '10 "somebody"'])
  })

  it("accepts code, link targets and comments in documents", () => {
    const texts = ["```ts\nwho\n```", "`who` and ``a ` who``", "[a](#who)", "[a]: ./who.md", "<!-- who -->", "    who"]
    expect(texts.flatMap((text) => problems(document, text))).toEqual([])
  })

  it("accepts code in comments and strings", () => {
    expect(problems(source, "/**\n * Says `who`.\n *\n * ```ts\n * who()\n * ```\n */")).toEqual([])
    expect(problems(source, 'export const a = "set `who` again"')).toEqual([])
  })

  it("reports comments after code, in trailing position and at the end of a file", () => {
    expect(problems(source, "const a = f(1, /* who */ 2) // whose\nconst b = `${c /* nobody */}`\n// Who")).toEqual([
      '1 "who"',
      '1 "whose"',
      '2 "nobody"',
      '3 "Who"'
    ])
  })

  it("accepts what looks like a comment in a literal", () => {
    expect(problems(test, "const a = '// who'\nconst b = /\\/\\/ who/\nconst c = `/* who */`")).toEqual([])
  })

  it("reports the text of a template outside its expressions", () => {
    expect(problems(source, "export const a = `${b} is\nwho ${c}`")).toEqual(['2 "who"'])
    expect(problems(source, "export const a = `is ${who} here`")).toEqual([])
  })

  it("accepts strings without a space, identifiers, and strings of tests", () => {
    expect(problems(source, 'export const who = ["who", "nobody\'s"]')).toEqual([])
    expect(problems(test, 'const a = "who is it"')).toEqual([])
  })

  it("checks comments of .config and .ci, and no other folder", () => {
    expect(problems(".config/a.mjs", "// Who")).toEqual(['1 "Who"'])
    expect(problems(".ci/a.mjs", "// Who")).toEqual(['1 "Who"'])
    expect(problems("packages/client/dist/a.js", "// Who")).toEqual([])
  })
})

describe("prose.check, sentences", () => {
  const message = (line: number, count: number) => `${line} a sentence of ${count} words, "a a a a …"`

  it("reports a sentence of 31 words and accepts one of 30", () => {
    expect(problems(document, `${times(31, "a")}.`)).toEqual([message(1, 31)])
    expect(problems(document, `${times(30, "a")}.`)).toEqual([])
  })

  it("counts a sentence in list items, across lines and at its own line", () => {
    expect(problems(document, `- ${times(16, "a")}\n  ${times(15, "a")}`)).toEqual([message(1, 31)])
    expect(problems(document, `Short.\nAs this.\n${times(31, "a")}`)).toEqual([message(3, 31)])
  })

  it("ends sentences at marks, items and paragraphs", () => {
    const part = times(16, "a")
    const texts = [". ", "? ", "!\n", ".) ", ".** ", "\n\n", "\n- "].map((end) => `${part}${end}${part}`)
    expect(texts.flatMap((text) => problems(document, text))).toEqual([])
  })

  it("continues sentences after e.g. and after a point inside a word", () => {
    expect(problems(document, `${times(29, "a")} e.g. 1.5`)).toEqual([message(1, 31)])
  })

  it("counts code as one word and no link target", () => {
    expect(problems(document, `${times(28, "a")} \`a b c\` [a](b "c d").`)).toEqual([])
    expect(problems(document, `${times(29, "a")} \`a b c\` [a](b "c d").`)).toEqual([message(1, 31)])
  })

  it("accepts long headings, table rows, fences and lists of links", () => {
    const words = times(31, "a")
    const links = times(31, "[a](#a) ·")
    expect(
      [`# ${words}`, `| ${words} |`, `~~~\n${words}\n~~~`, links].flatMap((text) => problems(document, text))
    ).toEqual([])
  })
})

describe("prose.check, docstrings", () => {
  const check = (doc: string) => problems("packages/client/src/A.ts", `${doc}\nexport const a = 1`)

  it.each([
    ["/** @since 0.1.0 */", "2 `a` has no first sentence"],
    ["", "2 `a` has no first sentence"],
    ["/** {@link make} as a Layer. */", "2 `a` has a first sentence that is only a link"],
    ["/** See {@link make}. Sends one request for all callers. */", "2 `a` has a first sentence that is only a link"],
    ["/** The limit. */", "2 `a` has a first sentence of under three words"],
    ["/** The limit\n *\n * of one client. */", "4 `a` has a first sentence of under three words"],
    ["/** Defaults.\n *\n * They are the same for all clients. */", "4 `a` has a first sentence of under three words"]
  ])("reports %s", (doc, message) => {
    expect(check(doc)).toEqual([message])
  })

  it.each([
    "/** Sends one request. */",
    "/** Like {@link make} without timeout. */",
    "/**\n * Sends\n * one request.\n */",
    "/** Sends it. */ const b = 2\n/** Sends one request. */"
  ])("accepts %s", (doc) => {
    expect(check(doc)).toEqual([])
  })

  it("accepts short docstrings of internal modules and of what is not exported", () => {
    expect(problems(source, "/** The limit. */\nexport const a = 1")).toEqual([])
    expect(problems("packages/client/src/A.ts", "/** The limit. */\nconst a = 1")).toEqual([])
  })
})

describe("prose.check, test names", () => {
  it.each([
    ['it("that is rejected", () => {})', "that"],
    ['it.effect("The second fails", () => {})', "The"],
    ["it.live.skipIf(a)(`a ${b} fails`, () => {})", "a"],
    ['it.each([["a"]])("when %s fails", () => {})', "when"],
    ['test.each`a`("no request", () => {})', "no"],
    ['it.effect(\n  "in a minute",\n  () => {}\n)', "in"]
  ])("reports %s", (text, word) => {
    expect(problems(test, `\n${text}`)).toEqual([`${text.includes("\n  ") ? 3 : 2} a test name begins with "${word}"`])
  })

  it.each([
    'it("thatch burns", () => {})',
    'it("sends a request", () => {})',
    'it.effect.each([["the key"]])("sends %s", () => {})',
    'describe("the client", () => {})',
    'limit("the client")',
    "it(`${name} that fails`, () => {})"
  ])("accepts %s", (text) => {
    expect(problems(test, text)).toEqual([])
  })

  it("accepts the same calls in sources", () => {
    expect(problems(source, '// Who\nit("that is rejected", () => {})')).toEqual(['1 "Who"'])
  })
})

describe("prose.checkIn", () => {
  it("reports only the files that are included", () => {
    const repository = fromTexts({
      "README.md": "Who?",
      "docs/a.md": "Who?",
      "packages/client/src/A.ts": "/** A. */\nexport const a = 1",
      "packages/client/test/a.test.ts": "// Who",
      "packages/node/src/A.ts": "/** A. */\nexport const a = 1"
    })
    const files = (included: ReadonlyArray<string>) =>
      Prose.checkIn((file) => included.includes(file))(repository).map(({ file }) => file)
    expect(files(["docs/a.md"])).toEqual(["docs/a.md"])
    expect(files(["packages/client/src/A.ts"])).toEqual(["packages/client/src/A.ts"])
    expect(files([])).toEqual([])
  })
})
