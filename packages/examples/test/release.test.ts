// Releases: which repository can be published, what changes before, and what npm is asked to do.
import { afterEach, beforeEach, describe, expect, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fromDisk, fromTexts, published } from "../../../.config/docs/repository.js"
import * as Versions from "../../../.config/docs/versions.js"
import { attempt, tool, type Outcome } from "../../../.config/packages/command.js"
import * as Changelog from "../../../.config/release/changelog.js"
import { prepare } from "../../../.config/release/prepare.js"
import { argumentsOf, publish } from "../../../.config/release/publish.js"
import * as Readiness from "../../../.config/release/readiness.js"
import { readState } from "../../../.config/release/state.js"
import * as Tarball from "../../../.config/release/tarball.js"

const settings = {
  changelog: false,
  fixed: [published.map((name) => `@countersign/${name}`)],
  privatePackages: { version: false, tag: false }
}

const manifestFile = (name: string): string => `packages/${name}/package.json`

const manifest = (name: string, version: string, more: Readonly<Record<string, unknown>> = {}): string =>
  `${JSON.stringify({ name: `@countersign/${name}`, version, ...more }, undefined, 2)}\n`

/** The files of a repository with one version. */
const texts = (version: string): Readonly<Record<string, string>> => ({
  ...Object.fromEntries(published.map((name) => [manifestFile(name), manifest(name, version)])),
  [Versions.versionFile]: Versions.versionModule(version),
  ".changeset/config.json": JSON.stringify(settings)
})

let room = ""
beforeEach(() => void (room = mkdtempSync(join(tmpdir(), "countersign-release-test-"))))
afterEach(() => rmSync(room, { recursive: true }))

const write = (file: string, text: string): void => {
  mkdirSync(dirname(join(room, file)), { recursive: true })
  writeFileSync(join(room, file), text)
}
const readText = (file: string): string => readFileSync(join(room, file), "utf8")

describe("versions.check", () => {
  const check = (changed: Readonly<Record<string, string>>) =>
    Versions.check(fromTexts({ ...texts("0.2.0"), ...changed })).map(({ file, message }) => `${file}: ${message}`)

  it("accepts packages with one version", () => {
    expect(check({})).toEqual([])
  })

  it.each([
    [
      "a package with another version",
      { [manifestFile("redis")]: manifest("redis", "0.1.9") },
      "packages/redis/package.json: its version is 0.1.9, and that of protocol is 0.2.0. Make them equal."
    ],
    [
      "a client that sends another version",
      { [Versions.versionFile]: Versions.versionModule("0.1.0") },
      `${Versions.versionFile}: it must export the version of the packages, "0.2.0".`
    ],
    [
      "a first package without a semantic version",
      { [manifestFile("protocol")]: manifest("protocol", "1.0") },
      "packages/protocol/package.json: its version is not a semantic version."
    ]
  ])("rejects %s", (_, changed, problem) => {
    expect(check(changed)).toEqual([problem])
  })

  it("rejects settings of changesets that omit a package", () => {
    const fixed = [["@countersign/protocol", "@countersign/client"]]
    expect(check({ ".changeset/config.json": JSON.stringify({ fixed }) })).toEqual([
      expect.stringMatching(/^\.changeset\/config\.json: its fixed must be .*@countersign\/testing/)
    ])
  })
})

const head = "# Changes\n\nThe format.\n\n"
const older = "## [0.1.0] - 2026-01-02\n\n### Added\n\n- First.\n"

describe("moveUnreleased", () => {
  it("moves the changes to the version, and keeps an empty section above it", () => {
    const changes = "### Added\n\n- Second.\n\n"
    expect(Changelog.moveUnreleased(`${head}## [Unreleased]\n\n${changes}${older}`, "0.2.0", "2026-11-30")).toBe(
      `${head}## [Unreleased]\n\n## [0.2.0] - 2026-11-30\n\n${changes}${older}`
    )
  })

  it.each([
    ["without the section", `${head}${older}`, `CHANGELOG.md has no line "## [Unreleased]"`],
    ["with an empty section", `${head}## [Unreleased]\n\n${older}`, `"## [Unreleased]" is empty`],
    ["with an empty section at the end", `${head}## [Unreleased]\n`, `"## [Unreleased]" is empty`],
    ["with two sections", `${head}## [Unreleased]\n- A.\n## [Unreleased]\n- B.\n`, "occurs twice"],
    ["that has the version", `${head}## [Unreleased]\n- A.\n## [0.2.0] - 2026-01-01\n`, "it has 0.2.0 already"]
  ])("rejects a changelog %s", (_, text, cause) => {
    expect(() => Changelog.moveUnreleased(text, "0.2.0", "2026-11-30")).toThrow(cause)
  })

  it("finds a version by its whole number", () => {
    expect(Changelog.hasVersion("## [0.1.10] - 2026-01-01\n", "0.1.1")).toBe(false)
    expect(Changelog.hasVersion("## [0.1.1] - 2026-01-01\n", "0.1.1")).toBe(true)
  })
})

describe("readiness.check", () => {
  const ready = { branch: "main", changes: [], hasIdentity: true }
  const check = (state: Parameters<typeof Readiness.check>[2], changed: Readonly<Record<string, string>> = {}) =>
    Readiness.check(fromTexts({ "CHANGELOG.md": `${head}## [Unreleased]\n\n${older}`, ...changed }), "0.1.0", state)

  it("accepts a clean main with a section for the version, in a job with an identity", () => {
    expect(check(ready)).toEqual([])
  })

  it.each([
    ["another branch", { ...ready, branch: "topic" }, "The branch is topic."],
    ["a dirty tree", { ...ready, changes: [" M README.md"] }, "The tree has changes. Commit them:\n M README.md"],
    ["a job without an identity", { ...ready, hasIdentity: false }, "npm's provenance needs a job"]
  ])("rejects %s", (_, state, problem) => {
    expect(check(state)).toEqual([expect.stringContaining(problem)])
  })

  it.each([
    [
      "an open changeset",
      { ".changeset/blue-cat.md": "" },
      "No version contains these changesets: .changeset/blue-cat.md"
    ],
    ["a changelog without the version", { "CHANGELOG.md": `${head}## [Unreleased]\n` }, "has no section for 0.1.0"],
    ["changes without a version", { "CHANGELOG.md": `${head}## [Unreleased]\n- A.\n${older}` }, "that are not released"]
  ])("rejects %s", (_, changed, problem) => {
    expect(check(ready, changed)).toEqual([expect.stringContaining(problem)])
  })

  it("reads the branch, the changes and the identity of a work tree", async () => {
    const git = (...args: ReadonlyArray<string>) => execFileSync("git", args, { cwd: room, stdio: "ignore" })
    git("init", "--initial-branch=main")
    write("a.txt", "a")
    git("add", ".")
    git("-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--message=a")
    expect(await readState(room, { ACTIONS_ID_TOKEN_REQUEST_URL: "https://example.com" })).toEqual(ready)

    git("switch", "--create", "topic")
    write("a.txt", "b")
    write("new.txt", "c")
    expect(await readState(room, {})).toEqual({
      branch: "topic",
      changes: [" M a.txt", "?? new.txt"],
      hasIdentity: false
    })
  })
})

describe("prepare", () => {
  const changelog = `${head}## [Unreleased]\n\n- Second.\n\n${older}`

  /** Writes a workspace with one version, in which `node` needs `client`, and with a private package. */
  const writeWorkspace = (version: string, more: Readonly<Record<string, string>>): void => {
    const files = {
      ...texts(version),
      "package.json": JSON.stringify({ name: "workspace", private: true, packageManager: "pnpm@10.34.8" }),
      "pnpm-workspace.yaml": "packages:\n  - packages/*\n",
      [manifestFile("node")]: manifest("node", version, { dependencies: { "@countersign/client": "workspace:^" } }),
      [manifestFile("examples")]: manifest("examples", version, { private: true }),
      ...more
    }
    for (const [file, text] of Object.entries(files)) write(file, text)
  }
  const changeset = (bump: string) => `---\n"@countersign/node": ${bump}\n---\n\nA change.\n`

  it("gives all published packages the next version, and private ones none", async () => {
    const more = { "CHANGELOG.md": changelog, ".changeset/blue-cat.md": changeset("minor") }
    writeWorkspace("0.1.0", more)
    expect(await prepare(room, "2026-11-30")).toBe("0.2.0")
    expect(Versions.check(fromDisk(room))).toEqual([])
    expect(readText(Versions.versionFile)).toBe(Versions.versionModule("0.2.0"))
    expect(readText(manifestFile("node"))).toContain(`"@countersign/client": "workspace:^"`)
    expect(readText(manifestFile("examples"))).toContain(`"version": "0.1.0"`)
    expect(readText("CHANGELOG.md")).toContain("## [Unreleased]\n\n## [0.2.0] - 2026-11-30\n\n- Second.\n")
    // changesets would write a changelog for each package.
    expect(fromDisk(room).files.filter((file) => file.endsWith(".md"))).toEqual(["CHANGELOG.md"])
  })

  it("keeps the version of the first release, which has no changeset", async () => {
    writeWorkspace("0.1.0", { "CHANGELOG.md": `${head}## [Unreleased]\n\n- First.\n` })
    expect(await prepare(room, "2026-11-30")).toBe("0.1.0")
    expect(readText("CHANGELOG.md")).toBe(`${head}## [Unreleased]\n\n## [0.1.0] - 2026-11-30\n\n- First.\n`)
  })

  it("rejects changesets before the first release, which would skip its version", async () => {
    const more = {
      "CHANGELOG.md": `${head}## [Unreleased]\n\n- First.\n`,
      ".changeset/blue-cat.md": changeset("minor")
    }
    writeWorkspace("0.1.0", more)
    await expect(prepare(room, "2026-11-30")).rejects.toThrow(
      "0.1.0 is not released yet, and needs no changesets. Delete .changeset/blue-cat.md."
    )
    expect(readText(manifestFile("node"))).toContain(`"version": "0.1.0"`)
  })

  it("rejects a second release of a version", async () => {
    writeWorkspace("0.1.0", { "CHANGELOG.md": changelog })
    await expect(prepare(room, "2026-11-30")).rejects.toThrow("it has 0.1.0 already. Add a changeset")
  })

  it("changes nothing if the changelog has no changes", async () => {
    const more = { "CHANGELOG.md": `${head}## [Unreleased]\n\n${older}`, ".changeset/blue-cat.md": changeset("patch") }
    writeWorkspace("0.1.0", more)
    await expect(prepare(room, "2026-11-30")).rejects.toThrow("is empty")
    expect(readText(".changeset/blue-cat.md")).toBe(changeset("patch"))
    expect(readText(manifestFile("node"))).toContain(`"version": "0.1.0"`)
  })
})

const files = ["package.json", "README.md", "LICENSE", "dist/index.js", "dist/index.d.ts", "src/index.ts"]

const packed = (name: string, version = "0.2.0", more: Partial<Tarball.Tarball> = {}): Tarball.Tarball => ({
  path: `/room/countersign-${name}-${version}.tgz`,
  manifest: { name: `@countersign/${name}`, version },
  files,
  size: 2048,
  ...more
})

describe("tarball.check", () => {
  const check = (more: Partial<Tarball.Tarball>) =>
    Tarball.check(packed("client", "0.2.0", more), "@countersign/client", "0.2.0")
  const named = { name: "@countersign/client", version: "0.2.0" }

  it("accepts a complete tarball with entry files", () => {
    const entry = "dist/needs-effect-3.22.4/run-npm-install-effect@3/index.js"
    expect(check({ files: [...files, entry] })).toEqual([])
  })

  it.each([
    ["another name", { manifest: { ...named, name: "@countersign/auth" } }, "its name is @countersign/auth"],
    ["another version", { manifest: { ...named, version: "0.1.0" } }, "its version is 0.1.0"],
    ["a private package", { manifest: { ...named, private: true } }, "it is private"],
    [
      "an unresolved dependency",
      { manifest: { ...named, dependencies: { "@countersign/protocol": "workspace:^" } } },
      "it needs @countersign/protocol@workspace:^"
    ],
    [
      "a dependency on another release",
      { manifest: { ...named, dependencies: { "@countersign/protocol": "^0.1.0" } } },
      "it needs @countersign/protocol@^0.1.0, and the release is 0.2.0"
    ],
    ["missing declarations", { files: files.filter((file) => !file.endsWith(".d.ts")) }, "it lacks dist/index.d.ts"],
    ["a module of an older build", { files: [...files, "dist/Old.js"] }, "dist/Old.js has no source"]
  ])("rejects %s", (_, more, problem) => {
    expect(check(more)).toEqual([expect.stringContaining(`@countersign/client cannot be published: ${problem}`)])
  })

  it("reads the manifest, the files and the size of a tarball", async () => {
    for (const file of files) write(`package/${file}`, file === "package.json" ? JSON.stringify(named) : "")
    const path = join(room, "client.tgz")
    execFileSync("tar", ["-czf", path, "-C", room, "package"])
    const read = await Tarball.read(path)
    expect({ ...read, files: [...read.files].sort() }).toEqual({
      path,
      manifest: named,
      files: [...files].sort(),
      size: readFileSync(path).length
    })
  })

  it("prints a table with aligned columns", () => {
    expect(Tarball.table([packed("client"), packed("protocol", "0.2.0", { size: 123_456 })])).toBe(
      [
        "package                version    tarball  files",
        "@countersign/client    0.2.0      2.0 KiB      6",
        "@countersign/protocol  0.2.0    120.6 KiB      6"
      ].join("\n")
    )
  })
})

describe("publish", () => {
  const success = (output = ""): Outcome => ({ isSuccess: true, output, errors: "" })
  const failure = (errors: string): Outcome => ({ isSuccess: false, output: "", errors })

  /** Publishes with a scripted npm. Returns what it ran and what was printed. */
  const run = async (npm: (command: string) => Outcome) => {
    const commands: Array<string> = []
    const printed: Array<string> = []
    const record = (args: ReadonlyArray<string>) => {
      const command = args.join(" ")
      commands.push(command)
      return Promise.resolve(npm(command))
    }
    const ended = publish([packed("protocol"), packed("client")], record, (line) => void printed.push(line))
    const error = await ended.then(
      () => undefined,
      (cause: Error) => cause.message
    )
    return { commands, error, printed }
  }
  const command = (name: string) => `publish /room/countersign-${name}-0.2.0.tgz --provenance --access public`

  it("publishes each tarball with provenance, in the given order", async () => {
    const { commands, error, printed } = await run((one) =>
      one.startsWith("view") ? failure("npm error code E404") : success()
    )
    expect(error).toBe(undefined)
    expect(commands.filter((one) => one.startsWith("publish"))).toEqual([command("protocol"), command("client")])
    expect(printed).toEqual(["@countersign/protocol@0.2.0 is published.", "@countersign/client@0.2.0 is published."])
  })

  it("omits a version that npm has, so that a failed job can run again", async () => {
    const { commands } = await run((one) =>
      success(one === "view @countersign/protocol@0.2.0 version" ? "0.2.0\n" : "")
    )
    expect(commands.filter((one) => one.startsWith("publish"))).toEqual([command("client")])
  })

  it("stops at the first failure", async () => {
    const { commands, error } = await run((one) => (one.startsWith("view") ? success() : failure("E403")))
    expect(error).toBe("@countersign/protocol@0.2.0 cannot be published: E403")
    expect(commands).toEqual(["view @countersign/protocol@0.2.0 version", command("protocol")])
  })

  it("publishes nothing if npm cannot be reached", async () => {
    const { commands, error } = await run(() => failure("ECONNREFUSED"))
    expect(error).toBe("@countersign/protocol@0.2.0 cannot be looked up: ECONNREFUSED")
    expect(commands).toEqual(["view @countersign/protocol@0.2.0 version"])
  })

  it("gives a prerelease the tag next", () => {
    expect(argumentsOf(packed("client", "1.0.0-beta.1")).slice(-2)).toEqual(["--tag", "next"])
  })
})

describe("npm run release", () => {
  /** Runs the program as outside of a job. The registry is closed, in case that a check fails to stop it. */
  const runWith = (...args: ReadonlyArray<string>): Promise<Outcome> => {
    const env = { ACTIONS_ID_TOKEN_REQUEST_URL: "", npm_config_registry: "http://127.0.0.1:9" }
    return attempt(tool("tsx"), [".config/release/main.ts", ...args], { env })
  }

  it("rejects to publish outside of a job, before it builds", async () => {
    const { errors, isSuccess, output } = await runWith("--publish")
    expect([isSuccess, output]).toEqual([false, expect.stringMatching(/^✓ all packages have the version \S+\n$/)])
    expect(errors).toContain("✗ npm's provenance needs a job of GitHub Actions")
  })

  it.each([["--publsh"], ["--publish", "--prepare"], [""]])("rejects the options %s %s", async (...args) => {
    const { errors, isSuccess } = await runWith(...args)
    expect([isSuccess, errors]).toEqual([false, expect.stringMatching(/^Usage: npm run release/)])
  })
})
