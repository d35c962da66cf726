import { describe, expect, it } from "@effect/vitest"
import * as Circles from "../../../.config/docs/circles.js"
import * as Commands from "../../../.config/docs/commands.js"
import * as Decisions from "../../../.config/docs/decisions.js"
import * as Defaults from "../../../.config/docs/defaults.js"
import * as Dependencies from "../../../.config/docs/dependencies.js"
import * as Exports from "../../../.config/docs/exports.js"
import * as Guarantees from "../../../.config/docs/guarantees.js"
import * as Links from "../../../.config/docs/links.js"
import * as Manifests from "../../../.config/docs/manifests.js"
import * as Order from "../../../.config/docs/order.js"
import { fromDisk, fromTexts } from "../../../.config/docs/repository.js"
import * as Roots from "../../../.config/docs/roots.js"
import * as Snippets from "../../../.config/docs/snippets.js"
import { fileURLToPath } from "node:url"

const messages = (problems: ReadonlyArray<{ readonly message: string }>): ReadonlyArray<string> =>
  problems.map(({ message }) => message)

const head = "/**\n * A module of things.\n *\n * @since 0.1.0\n */\n"
const doc = "/**\n * Makes a thing.\n *\n * @since 0.1.0\n * @category constructors\n */\n"

describe("exports.check", () => {
  const check = (text: string, others: Record<string, string> = {}) =>
    messages(Exports.check(fromTexts({ "packages/client/src/Foo.ts": text, ...others })))

  it.each([
    ["nothing at all", "export const a = 1", "`a` lacks a TSDoc block"],
    ["a comment that is not TSDoc", "// Makes a thing.\nexport const a = 1", "`a` lacks a TSDoc block"],
    [
      "no sentence",
      "/**\n * @since 0.1.0\n * @category models\n */\nexport type A = 1",
      "`A` lacks a sentence that says what it does"
    ],
    ["no @since", "/**\n * A thing.\n * @category models\n */\nexport class A {}", "`A` lacks `@since` with a version"],
    [
      "no @category",
      "/**\n * A thing.\n * @since 0.1.0\n */\nexport interface A {}",
      "`A` lacks `@category` in lower case"
    ],
    [
      "an empty @category",
      doc.replace(" constructors", "") + "export function f() {}",
      "`f` lacks `@category` in lower case"
    ],
    ["a second name without", `${doc}export interface A {}\nexport const A = 1`, "`A` lacks a TSDoc block"],
    ["a namespace without", "export namespace A {}", "`A` lacks a TSDoc block"],
    ["a star without", `export * from "./Bar.js"`, "`*` lacks a TSDoc block"],
    ["an exported local without", "const a = 1\nexport { a }", "`a` lacks a TSDoc block"],
    ["a default without", "export default 1", "`default` lacks a TSDoc block"]
  ])("reports %s", (_, code, message) => {
    expect(check(`${head}import "./Bar.js"\n${code}`)).toEqual([message])
  })

  it("reports a re-export if its source has no TSDoc, and accepts it otherwise", () => {
    const text = `${head}import "./Bar.js"\nexport { a } from "./internal/a.js"`
    expect(check(text, { "packages/client/src/internal/a.ts": "export const a = 1" })).toEqual([
      "`a` lacks a TSDoc block"
    ])
    expect(check(text, { "packages/client/src/internal/a.ts": `${doc}export const a = 1` })).toEqual([])
  })

  it("reports a module without a module comment, also if its first export has TSDoc", () => {
    const message = "begins without a module comment: a TSDoc block on line 1"
    expect(check(`import "./Bar.js"\n${doc}export const a = 1`)).toEqual([message])
    expect(check(`${doc}export const a = 1`)).toEqual([message])
    expect(check(`${head}\n${doc}export const a = 1`)).toEqual([])
  })

  it("accepts overloads if the first one has TSDoc", () => {
    const code = `${doc}export function f(a: 1): 1\nexport function f(a: 2): 2\nexport function f(a: number) { return a }`
    expect(check(`${head}import "./Bar.js"\n${code}`)).toEqual([])
  })

  it("ignores internal modules and tests", () => {
    const files = {
      "packages/client/src/internal/a.ts": "export const a = 1",
      "packages/client/test/Foo.test.ts": "export {}"
    }
    expect(Exports.check(fromTexts(files))).toEqual([])
  })
})

describe("snippets.check", () => {
  const file = "packages/examples/src/call.ts"
  const example = `import "x"\n// #region call\nconst f = () => {\n  // #region inner\n  go(1)\n\n  go(2)\n  // #endregion\n}\n// #endregion call\n`
  const page = (marker: string, code: string, info = "ts") =>
    `# Page\n\n${marker}\n\`\`\`${info}\n${code}\n\`\`\`\n\nAfter\n`
  const check = (readme: string) => messages(Snippets.check(fromTexts({ [file]: example, "README.md": readme })))
  const inner = `<!-- snippet: ${file}#inner -->`

  it("accepts a region without its indentation and markers", () => {
    expect(check(page(inner, "go(1)\n\ngo(2)"))).toEqual([])
    expect(check(page(`<!-- snippet: ${file}#call -->`, "const f = () => {\n  go(1)\n\n  go(2)\n}"))).toEqual([])
  })

  it.each([
    ["code that differs", page(inner, "go(1)"), "differs from its file"],
    ["a fence without a marker", page("", "go(1)"), "a ts fence without"],
    ["a fence without a marker, in long", page("Text", "go(1)", "typescript twoslash"), "a ts fence without"],
    ["a region that is not there", page(`<!-- snippet: ${file}#no -->`, "go(1)"), "has no `// #region no`"],
    ["a file that is not there", page("<!-- snippet: packages/examples/src/no.ts -->", "go(1)"), "is not there"],
    ["a file outside the examples", page("<!-- snippet: packages/client/src/Foo.ts -->", "go(1)"), "is not in"],
    ["a marker without a fence", `${inner}\n\nText\n`, "a snippet marker without a ts fence"],
    ["a marker with text before its fence", page(`${inner}\n\nText`, "npm test", "sh"), "a snippet marker without"],
    ["a marker above a fence of another language", page(inner, "npm test", "sh"), "a snippet marker without"],
    ["an empty fence", page("", " ", "sh"), "an empty fence"],
    ["an indented fence", `- a\n  ~~~ts\n  go(1)\n  ~~~\n`, "a ts fence without"]
  ])("reports %s", (_, readme, message) => {
    expect(check(readme)).toEqual([expect.stringContaining(message)])
  })

  it("accepts a fence of another language without a marker", () => {
    expect(check(page("", "npm test", "sh"))).toEqual([])
  })

  it("updates each region and nothing else", () => {
    const before = page(inner, "old") + page(`<!-- snippet: ${file}#call -->`, "older\nthan old") + page("", "mine")
    const repository = fromTexts({ [file]: example })
    const after = Snippets.update(repository, before)
    expect(after).toBe(
      page(inner, "go(1)\n\ngo(2)") +
        page(`<!-- snippet: ${file}#call -->`, "const f = () => {\n  go(1)\n\n  go(2)\n}") +
        page("", "mine")
    )
    expect(Snippets.update(repository, after)).toBe(after)
  })
})

describe("links.check", () => {
  const check = (readme: string) =>
    messages(
      Links.check(
        fromTexts({ "README.md": readme, "docs/a.md": "# A first page\n\n## `Twice`\n## Twice\n", "docs/b/c.ts": "" })
      )
    )

  it.each([
    ["a file", "[a](docs/a.md)"],
    ["a folder", "[b](./docs/b/)"],
    ["a heading", "[a](docs/a.md#a-first-page) [t](docs/a.md#twice-1)"],
    ["a heading of the same page", "# Here\n\n[h](#here)"],
    ["another site", "[x](https://example.com/no) <mailto:a@example.com>"],
    ["a file by its public URL", "[a](https://github.com/countersign/countersign/blob/main/docs/a.md#a-first-page)"],
    ["code", "`[a](no.md)`\n\n```md\n[a](no.md)\n```"]
  ])("accepts a link to %s", (_, readme) => {
    expect(check(readme)).toEqual([])
  })

  it.each([
    ["a file that is not there", "[a](docs/no.md)"],
    ["another spelling", "[a](docs/A.md)"],
    ["a public URL of no file", "[a](https://github.com/countersign/countersign/blob/main/docs/no.md)"],
    ["a picture that is not there", `![a](no.png "title")`],
    ["a reference that leads nowhere", "[a][b]\n\n[b]: no.md"],
    ["HTML that leads nowhere", `<img src="no.png">`],
    ["a heading that is not there", "[a](docs/a.md#no)"],
    ["an absolute path", "[a](/docs/a.md)"],
    ["a path out of the repository", "[a](../a.md)"],
    ["a bad encoding", "[a](docs/%zz.md)"]
  ])("reports %s", (_, readme) => {
    expect(check(readme)).toHaveLength(1)
  })
})

describe("links.check of a package's README", () => {
  it("reports relative links, which do not work on npm", () => {
    const files = { "packages/client/README.md": "# A\n\n[a](../../docs/a.md) [b](#a)", "docs/a.md": "" }
    expect(messages(Links.check(fromTexts(files)))).toEqual([
      expect.stringMatching("^the link ../../docs/a.md is relative")
    ])
  })
})

describe("order.check", () => {
  const code = `export const pipelineOrder: ReadonlyArray<PipelineStep> = [
    { name: "Timeout.call", reason: "bounds everything, " + "waits included", policy: () => 1 },
    { name: "Auth.policy", reason: "a | b" },
    { name: "transport", reason: "any Layer" }
  ]`
  const table = "| # | policy | why here |\n|---|---|---|\n"
  const rows = [
    "| 0 | `Timeout.call` | bounds everything, waits included |",
    "| 1 | [`Auth.policy`](x.md) | a \\| b |",
    "| – | transport | any Layer |"
  ]
  const order = Order.read(code) ?? []
  const compare = (lines: ReadonlyArray<string>) =>
    Order.compare("README.md", `# A\n\n${table}${lines.join("\n")}\n\nEnd\n`, order)

  it("accepts a table with links and code in its cells", () => {
    expect(order).toHaveLength(3)
    expect(compare(rows)).toEqual([])
  })

  it("reports a missing, additional, moved or different row", () => {
    expect(compare(rows.slice(0, 2))).toHaveLength(1)
    expect(compare([...rows, "| 4 | more | and more |"])).toHaveLength(1)
    expect(compare([rows[1] ?? "", rows[0] ?? "", rows[2] ?? ""])).toHaveLength(2)
    expect(compare(rows.map((row) => row.replace("bounds", "limits")))).toHaveLength(1)
    expect(compare([])).toHaveLength(3)
  })

  it("reports a document without the table, and code without the order", () => {
    expect(Order.compare("README.md", "# A\n", order)).toHaveLength(1)
    expect(messages(Order.check(fromTexts({ [Order.orderFile]: "export const other = []" })))).toEqual([
      expect.stringContaining("exports no `pipelineOrder`")
    ])
    expect(Order.read("export const pipelineOrder = [...others]")).toBeUndefined()
  })

  it("updates the rows of the table", () => {
    const updated = Order.update(`# A\n\n${table}| 7 | old | row |\n\nEnd\n`, order)
    expect(Order.compare("README.md", updated, order)).toEqual([])
    expect(updated).toContain("\n\nEnd\n")
  })

  it("reports a pipeline step without a section", () => {
    expect(
      Order.withoutSection("docs/reference/pipeline.md", "## Timeout.call\n\n### Auth.policy\n\n#### transport", order)
    ).toEqual([])
    expect(
      messages(Order.withoutSection("docs/reference/pipeline.md", "## Timeout.call\n\nAuth.policy\n", order))
    ).toEqual(['has no section "Auth.policy"', 'has no section "transport"'])
  })
})

describe("defaults.check", () => {
  const defaults = {
    times: 2,
    cap: "20 seconds",
    base: "50 millis",
    statuses: [408, 429],
    bodySize: 64 * 1024,
    on: true
  }
  const modules = [
    { file: "packages/client/src/Retry.ts", name: "Retry", defaults },
    { file: "packages/client/src/Hedge.ts", name: "Hedge", defaults: { times: 1 } }
  ]
  const rows = [
    "| `times` | 2 | |",
    "| `cap` | 20 s | no wait is longer |",
    "| `base` | 50 ms |",
    "| `statuses` | 408, 429 |",
    "| [`bodySize`](x.md) | 64 KiB |",
    "| `on` | on |"
  ]
  const table = (lines: ReadonlyArray<string>) => `| option | default | |\n| --- | --- | --- |\n${lines.join("\n")}\n`
  const page = (lines: ReadonlyArray<string>) =>
    `# A\n\n### Retry.policy\n\n${table(lines)}\nText\n\n#### Hedge\n\n${table(["| `times` | 1 |"])}`
  const compare = (text: string) => Defaults.compare("docs/reference/pipeline.md", text, modules)

  it("accepts rows in any order", () => {
    expect(compare(page(rows))).toEqual([])
    expect(compare(page([...rows].reverse()))).toEqual([])
  })

  it("reports a different value, a missing row, an additional row, and a row under another heading", () => {
    expect(compare(page(rows.map((row) => row.replace("20 s", "21 s"))))).toEqual([
      { file: "docs/reference/pipeline.md", line: 8, message: "`cap` is 21 s here and 20 s in Retry.defaults" }
    ])
    expect(messages(compare(page(rows.slice(1))))).toEqual(["has no row for `times` under a heading of Retry"])
    expect(messages(compare(page([...rows, "| `more` | 1 |"])))).toEqual(["Retry.defaults has no `more`"])
    expect(messages(compare(page(rows).replace("#### Hedge", "#### Other")))).toEqual([
      "Other.defaults has no `times`",
      "has no row for `times` under a heading of Hedge"
    ])
  })

  it.each([
    ["longest", "1 minute", "60 s"],
    ["after", "1500 millis", "1.5 s"],
    ["maxBodySize", 10 * 1024 * 1024, "10 MiB"],
    ["maxHeaderSize", 1500, "1500 bytes"],
    ["onLimit", "wait", "wait"],
    ["quoted", false, "off"],
    ["methods", ["POST", "PATCH"], "POST, PATCH"]
  ])("formats %s: %j as %s", (option, value, text) => {
    expect(Defaults.shown(option, value)).toBe(text)
  })

  const root = fileURLToPath(new URL("../../..", import.meta.url))
  const repository = fromDisk(root)

  it("accepts the documents, and reports each default if it were another", async () => {
    const all = await Defaults.load(root, repository)
    expect(all.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["Retry", "Timeout", "NodeTransport", "TokenSource"])
    )
    expect(messages(Defaults.check(all)(repository))).toEqual([])
    for (const one of all) {
      for (const option of Object.keys(one.defaults)) {
        const changed = { ...one, defaults: { ...one.defaults, [option]: "another" } }
        const others = all.map((module) => (module === one ? changed : module))
        const problems = messages(Defaults.check(others)(repository))
        expect(problems).toEqual([expect.stringContaining(`and another in ${one.name}.defaults`)])
      }
    }
  })
})

describe("guarantees.check", () => {
  const check = (text: string) => Guarantees.check(fromTexts({ [Guarantees.guaranteesDocument]: text }))
  const table =
    "| guarantee | verified by |\n| --- | --- |\n| No harm | [a](packages/a/test/A.test.ts), and the linter |\n"

  it("accepts a row that links to a test", () => {
    expect(check(table)).toEqual([])
  })

  it("finds a row that links to no test, and a document without the table", () => {
    const message = "the guarantee links to no test: add the test to its row"
    expect(check(`${table}| No pain | [code](packages/a/src/A.ts) |\n`)).toEqual([
      { file: Guarantees.guaranteesDocument, line: 4, message }
    ])
    expect(check(`${table}\n${table}| No pain | nothing |\n`).map(({ line }) => line)).toEqual([8])
    expect(messages(check("# A\n"))).toEqual(["has no table `| guarantee | verified by |`"])
  })
})

describe("circles.check", () => {
  const check = (files: Record<string, string>) =>
    messages(
      Circles.check(
        fromTexts(
          Object.fromEntries(Object.entries(files).map(([name, text]) => [`packages/protocol/src/${name}`, text]))
        )
      )
    )

  it.each([
    ["of values", `import { b } from "./b/b.js"`],
    ["of types", `import type { B } from "./b/b.js"`],
    ["of a re-export", `export type { B } from "./b/b.js"`],
    ["of an import type", `export type B = import("./b/b.js").B`]
  ])("reports a circle %s", (_, text) => {
    expect(check({ "a.ts": text, "b/b.ts": `import type { A } from "../a.js"` })).toEqual([
      "is in a circle of imports: → b/b.ts → a.ts"
    ])
  })

  it("reports each circle once by its shortest path", () => {
    const files = {
      "a.ts": `import "./b.js"`,
      "b.ts": `import "./c.js"\nimport "./a.js"`,
      "c.ts": `import "./b.js"\nimport "./a.js"\nimport "./d.js"`,
      "d.ts": `import "./e.js"`,
      "e.ts": `import "./d.js"`
    }
    expect(check(files)).toEqual([
      "is in a circle of imports: → b.ts → a.ts",
      "is in a circle of imports: → b.ts → c.ts",
      "is in a circle of imports: → e.ts → d.ts"
    ])
  })

  it("accepts a module that two others import", () => {
    const files = {
      "a.ts": `import "./b.js"\nimport "./c.js"`,
      "b.ts": `import "./c.js"`,
      "c.ts": `import "effect/Effect"`
    }
    expect(check(files)).toEqual([])
  })
})

describe("dependencies.check", () => {
  const check = (manifest: object, others: Record<string, string> = {}) =>
    messages(Dependencies.check(fromTexts({ "packages/auth/package.json": JSON.stringify(manifest), ...others })))
  const decided = { "docs/decisions/1-x.md": "We take `oauth4webapi` and jose." }

  it("accepts a dependency with a decision record", () => {
    expect(check({ dependencies: { oauth4webapi: "^3", "@countersign/client": "workspace:^" } }, decided)).toEqual([])
  })

  it("reports a dependency without a decision record, also if its name is part of another", () => {
    expect(check({ dependencies: { oauth4web: "1" } }, decided)).toEqual([
      "depends on oauth4web, which no record in docs/decisions/ names"
    ])
  })

  it("reports a fourth dependency", () => {
    const text = { "docs/decisions/1-x.md": "a, b, c and d" }
    expect(check({ dependencies: { a: "1", b: "1", c: "1", d: "1" } }, text)).toEqual([
      "has 4 dependencies; at most 3 are allowed"
    ])
  })

  it("reports an install script of a package or of its dependency", () => {
    expect(check({ scripts: { postinstall: "node x" } })).toEqual(["has the script postinstall, which runs on install"])
    const installed = { "packages/auth/node_modules/jose/package.json": `{ "scripts": { "install": "node-gyp" } }` }
    expect(check({ dependencies: { jose: "6" } }, { ...decided, ...installed })).toEqual([
      "depends on jose, which runs code on install"
    ])
  })
})

describe("roots.check", () => {
  const module = (text: string) => `/**\n * ${text}\n *\n * @since 0.1.0\n */\n`
  const modules = {
    "packages/client/src/Retry.ts": module("Retries\n * of requests.\n *\n * More."),
    "packages/client/src/more/Auth.ts": module("Credentials."),
    "packages/client/src/internal/call.ts": module("Calls.")
  }
  const outdated = "differs from the public modules; `npm run docs -- --write` writes it"
  const check = (files: Record<string, string>) => messages(Roots.check(fromTexts(files)))

  it("writes an export of each public module, with the first paragraph of its comment", () => {
    expect(Roots.textOf(fromTexts(modules), "client").split("\n").slice(5)).toEqual([
      "/** Credentials. */",
      `export * as Auth from "./more/Auth.js"`,
      "/**",
      " * Retries",
      " * of requests.",
      " */",
      `export * as Retry from "./Retry.js"`,
      ""
    ])
  })

  it("reports a missing or outdated root module, and accepts the written one", () => {
    const text = Roots.textOf(fromTexts(modules), "client")
    expect(check(modules)).toEqual([outdated])
    expect(check({ ...modules, "packages/client/src/index.ts": text.replace(/^.*Retry\.js.*$/m, "") })).toEqual([
      outdated
    ])
    expect(check({ ...modules, "packages/client/src/index.ts": text })).toEqual([])
  })

  it("reports two modules with one name", () => {
    const files = { ...modules, "packages/client/src/Auth.ts": module("Other.") }
    const text = Roots.textOf(fromTexts(files), "client")
    expect(check({ ...files, "packages/client/src/index.ts": text })).toHaveLength(1)
  })
})

describe("manifests.check", () => {
  const repository = fromDisk(fileURLToPath(new URL("../../../", import.meta.url)))
  const text = repository.read("packages/client/package.json") ?? ""
  const readme = repository.read("packages/client/README.md") ?? ""
  const check = (manifest: string, changedReadme = readme) =>
    messages(
      Manifests.check(
        fromTexts({ "packages/client/package.json": manifest, "packages/client/README.md": changedReadme })
      )
    )

  it("accepts the manifest of a package", () => {
    expect(check(text)).toEqual([])
  })

  it.each([
    ["another repository", "countersign.git", "other.git", /^its repository must be/],
    ["the folder of another package", '"directory": "packages/client"', '"directory": "client"', /^its repository/],
    ["another licence", '"license": "MIT"', '"license": "ISC"', /^its license must be "MIT"/],
    ["a publication without provenance", '"provenance": true', '"provenance": false', /^its publishConfig/],
    ["a missing description", '"description"', '"about"', /^it needs a description/],
    ["missing keywords", '"keywords"', '"words"', /^it needs five keywords/]
  ])("reports %s", (_, from, to, message) => {
    expect(check(text.replace(from, to))).toEqual([expect.stringMatching(message)])
  })

  it("reports an install command without the package, or without the range of a peer dependency", () => {
    expect(check(text, readme.replace("npm install @countersign/client", "npm install"))).toEqual([
      "its install command lacks @countersign/client"
    ])
    expect(check(text, readme.replace("effect@^3.22 ", "effect@^3.1 "))).toEqual([
      "its install command lacks effect@^3.22"
    ])
  })
})

describe("decisions.check", () => {
  it("reports a number that is taken, another title and a record that the index lacks", () => {
    const problems = Decisions.check(
      fromTexts({
        "docs/README.md": "1. [One](decisions/0001-one.md)\n2. [Two](decisions/0002-two.md)",
        "docs/decisions/0001-one.md": "# 1. One\n",
        "docs/decisions/0002-three.md": "# 3. Three\n",
        "docs/decisions/0002-two.md": "# 2. Two\n"
      })
    )
    expect(problems.map(({ file, message }) => `${file} ${message}`)).toEqual([
      'docs/decisions/0002-three.md the title does not begin with "# 2. "',
      "docs/decisions/0002-three.md docs/README.md does not list the record",
      "docs/decisions/0002-two.md another record has the number 0002: take the next one"
    ])
  })
})

describe("commands.check", () => {
  it("reports a missing script and accepts an existing one", () => {
    const files = {
      "package.json": `{ "scripts": { "demo": "x" } }`,
      "README.md": "`npm run demo`, `npm run -s demo -- --json`\n\nnpm run no\n"
    }
    expect(Commands.check(fromTexts(files))).toEqual([
      { file: "README.md", line: 3, message: "there is no script for `npm run no`" }
    ])
  })
})
