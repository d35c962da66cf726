/** The configuration of VitePress. `npm run site` writes the pages first. */
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { defineConfig, type UserConfig } from "vitepress"
import { slug } from "../../docs/links.js"
import { fromDisk } from "../../docs/repository.js"
import { apiSidebar, documentSidebar } from "../sidebar.js"

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..")
const repository = fromDisk(root)
const documents = documentSidebar(repository.read("docs/README.md") ?? "")

const config: UserConfig = defineConfig({
  title: "Countersign",
  description: "Authenticated, resilient API clients for Effect",
  lang: "en",
  srcDir: join(root, ".site/pages"),
  outDir: join(root, ".site/dist"),
  cacheDir: join(root, ".site/cache"),
  // The anchors of headings are those of the code host, so that the links in documents work in both.
  markdown: { anchor: { slugify: slug } },
  // The index of the search has all pages of the reference, and only the search loads it.
  vite: { build: { chunkSizeWarningLimit: 10_000 } },
  themeConfig: {
    search: { provider: "local" },
    outline: { level: [2, 3] },
    nav: [
      { text: "Guides", link: "/guides/first-call", activeMatch: "^/guides/" },
      { text: "Reference", link: "/reference/pipeline", activeMatch: "^/reference/" },
      { text: "API", link: "/api/", activeMatch: "^/api/" },
      { text: "Changes", link: "/changelog" }
    ],
    sidebar: { "/api/": apiSidebar(repository), "/": documents },
    socialLinks: [{ icon: "github", link: "https://github.com/countersign/countersign" }]
  }
})

export default config
