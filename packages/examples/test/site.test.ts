// The documentation site: its pages, sidebars and links from the documents. `npm run site -- --build` builds it.
import { describe, expect, it } from "@effect/vitest"
import { fileURLToPath } from "node:url"
import { fromDisk, fromTexts } from "../../../.config/docs/repository.js"
import { deadAnchorsIn } from "../../../.config/site/anchors.js"
import { apiPageOf, linkOf, pagesOf, pageTextOf, startPageOf } from "../../../.config/site/pages.js"
import { markIntroduction, pageOf } from "../../../.config/site/reference.js"
import { apiSidebar, documentSidebar, type Entry } from "../../../.config/site/sidebar.js"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const host = "https://github.com/countersign/countersign"

const pages = new Map([
  ["README.md", "index.md"],
  ["docs/glossary.md", "glossary.md"],
  ["packages/auth/README.md", "api/auth/index.md"],
  ["packages/client/src/Retry.ts", "api/client/Retry.md"]
])

describe("linkOf", () => {
  it.each([
    ["a document", "../glossary.md#hop", "/glossary.md#hop"],
    ["a public module", "../../packages/client/src/Retry.ts", "/api/client/Retry.md"],
    ["the folder of a package", "../../packages/auth", "/api/auth/index.md"],
    ["the repository at the host", `${host}#readme`, "/index.md"],
    ["a document at the host", `${host}/blob/main/docs/glossary.md`, "/glossary.md"]
  ])("leads to the page of %s", (_, target, link) => {
    expect(linkOf(pages, "docs/guides/limits.md", target)).toBe(link)
  })

  it.each([
    ["a test", "../../packages/auth/test/Jwt.test.ts", `${host}/blob/main/packages/auth/test/Jwt.test.ts`],
    ["a folder", "../../packages/stress/src", `${host}/tree/main/packages/stress/src`]
  ])("leads to %s at the host", (_, target, link) => {
    expect(linkOf(pages, "docs/guides/limits.md", target)).toBe(link)
  })

  it.each(["#below", "https://effect.website", "mailto:a@example.com", "call.svg", "missing.md"])(
    "does not change %s",
    (target) => {
      expect(linkOf(pages, "docs/explanations/call.md", target)).toBe(target)
    }
  )
})

describe("pageTextOf", () => {
  it("changes links in the text only", () => {
    const text = 'See [a](glossary.md) and <a href="glossary.md">b</a>.\n\n```md\n[a](glossary.md)\n```\n'
    expect(pageTextOf(pages, "docs/README.md", text)).toBe(
      'See [a](/glossary.md) and <a href="/glossary.md">b</a>.\n\n```md\n[a](glossary.md)\n```\n'
    )
  })
})

describe("startPageOf", () => {
  it("shows the first paragraph of the README in the title, and the rest below", () => {
    const [, front = "", body] = startPageOf("# Name\n\nMakes [it](x)\nsafe.\n\n## Install\n", "Clients").split("---\n")
    expect(JSON.parse(front)).toMatchObject({
      layout: "home",
      hero: { name: "Name", text: "Clients", tagline: "Makes it safe." }
    })
    expect(body).toBe("\n## Install\n")
  })
})

describe("documentSidebar", () => {
  it("has a group for each heading and each list title", () => {
    const contents =
      "# Documentation\n\nTerms.\n\n## Guides\n\nTasks.\n\nStart:\n\n- [A `b`](guides/a.md): text, [c](d.md).\n\n" +
      "## Decisions\n\n1. [Why](decisions/0042-why.md)\n"
    expect(documentSidebar(contents)).toEqual([
      {
        text: "Guides",
        collapsed: false,
        items: [{ text: "Start", collapsed: false, items: [{ text: "A b", link: "/guides/a" }] }]
      },
      { text: "Decisions", collapsed: true, items: [{ text: "42. Why", link: "/decisions/0042-why" }] }
    ])
  })

  it("has an entry for every document", () => {
    const repository = fromDisk(root)
    const linksOf = (entries: ReadonlyArray<Entry>): ReadonlyArray<string> =>
      entries.flatMap(({ items = [], link }) => [...(link === undefined ? [] : [link]), ...linksOf(items)])
    const documents = repository.files.filter((file) => /^docs\/.+\/.+\.md$/.test(file))
    expect(new Set(linksOf(documentSidebar(repository.read("docs/README.md") ?? "")))).toEqual(
      new Set(documents.map((file) => file.slice("docs".length, -".md".length)))
    )
  })
})

describe("apiSidebar", () => {
  it("has the modules of each package", () => {
    const files = { "packages/auth/src/providers/Okta.ts": "", "packages/auth/src/internal/a.ts": "" }
    const auth = apiSidebar(fromTexts(files)).find(({ text }) => text === "@countersign/auth")
    expect(auth?.items).toEqual([{ text: "providers/Okta", link: "/api/auth/providers/Okta" }])
  })
})

describe("apiPageOf", () => {
  it("lists the modules with the first sentence of their introduction", () => {
    const text = "/**\n * HTTP caches (RFC\n * 9111) of {@link Api}. More.\n *\n * @since 0.1.0\n */\n"
    expect(apiPageOf(fromTexts({ "packages/client/src/HttpCache.ts": text }))).toContain(
      "## [@countersign/client](client/index.md)\n\n- [HttpCache](client/HttpCache.md): HTTP caches (RFC 9111) of `Api`.\n"
    )
  })
})

describe("pagesOf", () => {
  it("has a page for each document and the pictures", () => {
    const files = { "README.md": "# A\n\nB\n\nC", "docs/README.md": "a", "docs/guides/b.md": "b", "docs/c.svg": "c" }
    expect(pagesOf(fromTexts(files), "A")).toMatchObject({ "contents.md": "a", "guides/b.md": "b", "c.svg": "c" })
  })
})

describe("markIntroduction", () => {
  it("marks the first comment in its line", () => {
    expect(markIntroduction("/// <reference />\n/** A. */")).toBe("/// <reference />\n/** @packageDocumentation A. */")
    expect(markIntroduction("/**\n * A.\n */\n/** B. */\n")).toBe("/** @packageDocumentation\n * A.\n */\n/** B. */\n")
  })
})

describe("pageOf", () => {
  it("names the page of a module by its package", () => {
    expect(pageOf("packages/auth/src/providers/Okta.ts")).toBe("auth/providers/Okta")
  })
})

describe("deadAnchorsIn", () => {
  const target = '<h2 id="b">B</h2>'

  it.each([
    ["another page", '<a href="/a/b.html#b">b</a>'],
    ["a relative page", '<a href="../a/b.html#b">b</a>'],
    ["its own page", '<a href="#c">c</a><h2 id="c">C</h2>'],
    ["another site", '<a href="https://example.com/#x">x</a>']
  ])("accepts a link to %s", (_, html) => {
    expect(
      deadAnchorsIn(
        new Map([
          ["a/b.html", target],
          ["a/c.html", html]
        ])
      )
    ).toEqual([])
  })

  it("reports a link to a missing heading", () => {
    const html = '<a href="/a/b.html#x">x</a>'
    expect(
      deadAnchorsIn(
        new Map([
          ["a/b.html", target],
          ["a/c.html", html]
        ])
      )
    ).toEqual(["a/c.html links to #x: a/b.html has no such heading. Change the link."])
  })
})
