// The scripts of CI: what each one accepts and rejects.
import { describe, expect, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll } from "vitest"
import { scenarios } from "../src/demo/scenarios.js"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const room = mkdtempSync(join(tmpdir(), "countersign-ci-"))
afterAll(() => rmSync(room, { recursive: true }))

interface Ended {
  readonly status: number | null
  readonly out: string
  readonly err: string
}

/** Runs a program in the repository's root. Waiting for it must not block the worker, which reports to vitest. */
const run = (command: string, args: ReadonlyArray<string>, input = "", env = process.env): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env })
    let out = ""
    let err = ""
    child.stdout.on("data", (data: Buffer) => (out += data.toString()))
    child.stderr.on("data", (data: Buffer) => (err += data.toString()))
    child.stdin.on("error", () => undefined)
    child.on("error", reject)
    child.on("close", (status) => resolve({ status, out: out.trim(), err: err.trim() }))
    child.stdin.end(input)
  })

const script = async (name: string) => import(new URL(`../../../.ci/${name}.mjs`, import.meta.url).href)

interface Assertion {
  readonly ancestorTitles: ReadonlyArray<string>
  readonly title: string
  readonly status: string
  readonly failureMessages?: ReadonlyArray<string>
}

const assertion = (title: string, status: string): Assertion => ({ ancestorTitles: ["unit"], title, status })

const file = (name: string, ...assertionResults: ReadonlyArray<Assertion>) => ({
  name: `/repo/packages/a/test/${name}`,
  status: assertionResults.some(({ status }) => status === "failed") ? "failed" : "passed",
  message: "",
  assertionResults
})

const passes = file("a.test.ts", assertion("works", "passed"))
const skips = file("b.test.ts", assertion("works", "passed"), assertion("needs a tool", "skipped"))
const listed = "packages/a/test/b.test.ts > unit > needs a tool"

describe("count-tests", () => {
  const count = async (
    testResults: ReadonlyArray<ReturnType<typeof file>> | undefined,
    options: {
      readonly allowed?: ReadonlyArray<string>
      readonly files?: ReadonlyArray<string>
      readonly status?: string
    } = {}
  ) => {
    const { count } = await script("count-tests")
    const { allowed = [], files = [], status = "0" } = options
    return count({ report: testResults && { testResults }, allowed: new Set(allowed), files, status, root: "/repo" })
  }

  it("counts tests that passed", async () => {
    expect(await count([passes, passes])).toEqual({ passed: 2, skipped: 0, problems: [] })
  })

  it("counts a listed skip as skipped", async () => {
    expect(await count([skips], { allowed: [listed] })).toEqual({ passed: 1, skipped: 1, problems: [] })
  })

  const rejected: Readonly<Record<string, readonly [...Parameters<typeof count>, problem: string]>> = {
    "a skip that is not listed": [[skips], {}, `skipped, but not in .ci/allowed-skips.json: ${listed}`],
    "a todo test": [[passes, file("b.test.ts", assertion("later", "todo"))], {}, "unit > later"],
    "a listed test that ran": [[passes], { allowed: [listed] }, `but not skipped: ${listed}`],
    "a failed test": [[passes, file("b.test.ts", assertion("breaks", "failed"))], { status: "1" }, "failed: "],
    "a pending test": [[passes, file("b.test.ts", assertion("hangs", "pending"))], {}, "did not run (pending)"],
    "a file that failed before its first test": [
      [passes, { ...file("b.test.ts"), status: "failed", message: "Cannot find module" }],
      { status: "1" },
      "failed outside of its tests: packages/a/test/b.test.ts: Cannot find module"
    ],
    "a file that failed after tests that passed": [
      [{ ...passes, status: "failed", message: "afterAll" }],
      { status: "1" },
      "failed outside of its tests: packages/a/test/a.test.ts: afterAll"
    ],
    "a file without tests": [[passes, file("b.test.ts")], {}, "has no tests: packages/a/test/b.test.ts"],
    "a file that vitest did not run": [
      [passes],
      { files: ["packages/a/test/a.test.ts", "packages/a/src/b.test.ts"] },
      "is a test file that vitest did not run: packages/a/src/b.test.ts"
    ],
    "no tests at all": [[], {}, "no test passed"],
    "only skipped tests": [
      [file("b.test.ts", assertion("needs a tool", "skipped"))],
      { allowed: [listed] },
      "no test passed"
    ],
    "an error outside of every file": [
      [passes],
      { status: "1" },
      "vitest exited with status 1 although no test failed"
    ],
    "a missing report": [undefined, { status: "0" }, "vitest wrote no report (exit status 0)"]
  }
  it.each(Object.entries(rejected))("counts %s as one failure and names it", async (_, [results, options, problem]) => {
    const { problems } = await count(results, options)
    expect(problems).toEqual([expect.stringContaining(problem)])
  })

  it("names the first line of a failure", async () => {
    const broken = { ...assertion("breaks", "failed"), failureMessages: ["AssertionError: 1 is not 2\n  at x.ts"] }
    const { problems } = await count([passes, file("b.test.ts", broken)], { status: "1" })
    expect(problems).toEqual(["failed: packages/a/test/b.test.ts > unit > breaks: AssertionError: 1 is not 2"])
  })

  it("prints one line with the three numbers, and the problems to standard error", async () => {
    const report = join(room, "report.json")
    const files = join(room, "files")
    writeFileSync(report, "{")
    writeFileSync(files, "")
    const { err, out } = await run(process.execPath, [".ci/count-tests.mjs", report, "7", files])
    expect([out, err]).toEqual(["0 1 0", "vitest wrote no report (exit status 7)"])
  })

  it("expects a listed skip only from the run of its file", async () => {
    const { fileOf, isOfTests, readAllowed } = await script("skips")
    const allowed: ReadonlySet<string> = readAllowed(isOfTests)
    const skipping = new Set([...allowed].map((name): string => fileOf(name)))
    const report = join(room, "other.json")
    const [own, other] = [join(room, "own"), join(room, "other")]
    writeFileSync(
      report,
      JSON.stringify({ testResults: [{ ...passes, name: join(root, "packages/a/test/a.test.ts") }] })
    )
    writeFileSync(own, "packages/a/test/a.test.ts\n")
    writeFileSync(other, [...skipping].join("\n"))
    const elsewhere = await run(process.execPath, [".ci/count-tests.mjs", report, "0", own, other])
    expect(elsewhere.out).toBe("1 0 0")
    writeFileSync(other, "")
    const here = await run(process.execPath, [".ci/count-tests.mjs", report, "0", own, other])
    expect(here.out).toBe(`1 ${allowed.size} 0`)
  })
})

describe("allowed-skips.json", () => {
  it("has a reason for each test", async () => {
    const { isOfStress, isOfTests, readAllowed } = await script("skips")
    expect(readAllowed(isOfTests).size).toBeGreaterThan(0)
    expect(readAllowed(isOfStress).size).toBe(0)
  })

  it.each([
    ["no reason", [{ test: "a" }], "has exactly `test` and `reason`"],
    ["an empty reason", [{ test: "a", reason: " " }], "`reason` is empty"],
    ["an unknown member", [{ test: "a", reason: "b", until: "c" }], "has exactly `test` and `reason`"],
    [
      "a test twice",
      [
        { test: "a", reason: "b" },
        { test: "a", reason: "c" }
      ],
      "is listed twice"
    ]
  ])("rejects %s", async (_, entries, message) => {
    const { parse } = await script("skips")
    expect(() => parse(JSON.stringify(entries))).toThrow(message)
  })
})

describe("CI=true", () => {
  const folder = join(room, "packages/a/test")
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, "one.test.ts"), 'it("runs", () => {})\nit.skipIf(true)("needs a tool", () => {})\n')

  const vitest = async (CI: string, ...args: ReadonlyArray<string>) => {
    const config = join(root, ".config/vitest.config.ts")
    const program = join(root, "node_modules/vitest/vitest.mjs")
    const command = [program, "run", "--config", config, "--root", room, "--globals", ...args]
    const { err, status } = await run(process.execPath, command, "", { ...process.env, CI })
    return [
      status,
      err.includes("skipped, but not in .ci/allowed-skips.json: packages/a/test/one.test.ts > needs a tool")
    ]
  }

  it("rejects an unlisted skip, whatever the reporter", async () => {
    expect(await vitest("true", "--reporter=json", `--outputFile.json=${join(room, "out.json")}`)).toEqual([1, true])
  })

  it("accepts tests that `-t` does not select", async () => {
    expect(await vitest("true", "-t", "runs")).toEqual([0, false])
  })

  it("accepts skipped tests if CI is not set", async () => {
    expect(await vitest("")).toEqual([0, false])
  })
})

describe.skipIf(process.platform !== "linux")("programs.sh", () => {
  const bin = join(room, "bin")
  mkdirSync(bin)

  /** Runs a line of shell in which the programs of `there` work, others are absent, and `apt-get` only prints. */
  const shell = async (line: string, there: Readonly<Record<string, string>>) => {
    rmSync(bin, { recursive: true })
    mkdirSync(bin)
    for (const name of ["bash", "timeout", "tail"]) {
      const { out } = await run("/bin/sh", ["-c", `command -v ${name}`])
      if (out.startsWith("/")) symlinkSync(out, join(bin, name))
    }
    for (const [name, body] of Object.entries(there))
      writeFileSync(join(bin, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 })
    const stubs = 'apt_get() { echo "apt-get $*"; }; forbid_services() { :; }; is_root() { :; }'
    return run("/bin/bash", ["-c", `room=${room}; source .ci/programs.sh; ${stubs}; PATH=${bin}; ${line}`])
  }
  const works = "exit 0"
  const bus = { "dbus-daemon": works, "dbus-run-session": works, "dbus-send": works }

  it("installs nothing if each program works", async () => {
    const { out, status } = await shell("install_keychain", { ...bus, "gnome-keyring-daemon": works })
    expect([status, out]).toEqual([0, expect.not.stringContaining("apt-get")])
  })

  it.each(["gnome-keyring-daemon", "dbus-send", "dbus-daemon", "dbus-run-session"])(
    "installs %s if only that program is missing, and fails if the install does not provide it",
    async (name) => {
      const { [name]: _, ...rest }: Record<string, string> = { ...bus, "gnome-keyring-daemon": works }
      const { out, status } = await shell("install_keychain", rest)
      expect(status).toBe(1)
      expect(out).toMatch(/apt-get install -y --no-install-recommends (dbus|gnome-keyring)/)
      expect(out).toContain(`has no program ${name} in PATH`)
      expect(out).toContain(`gnome-keyring-daemon`)
    }
  )

  it("fails if a program is there and does not work", async () => {
    const { out, status } = await shell("install_keychain", {
      ...bus,
      "gnome-keyring-daemon": works,
      "dbus-daemon": "echo torn; exit 3"
    })
    expect(status).toBe(1)
    expect(out).toContain("dbus-daemon is installed but does not work")
    expect(out).toContain("torn")
  })

  it("continues with the next program after a failure", async () => {
    const { out } = await shell("install_keychain", {
      "dbus-run-session": works,
      "dbus-send": works,
      "gnome-keyring-daemon": works
    })
    expect(out).toContain("has no program dbus-daemon")
    expect(out).toContain("gnome-keyring-daemon works")
  })

  it("fetches the package lists once, before the first package", async () => {
    const { out } = await shell("install_package one; install_package two", {})
    expect(out.split("\n").filter((line) => line.startsWith("apt-get"))).toEqual([
      "apt-get update",
      "apt-get install -y --no-install-recommends one",
      "apt-get install -y --no-install-recommends two"
    ])
  })
})

describe("verify-demo", () => {
  const names = scenarios.map(({ name }) => name)
  const scenario = (name: string) => ({ name, ok: true, observed: {}, timeline: [{ _tag: "RequestSent" }] })
  const good = { baseUrl: "http://127.0.0.1:1", passed: names.length, failed: 0, scenarios: names.map(scenario) }
  const verify = (report: unknown, ...args: ReadonlyArray<string>) =>
    run(
      process.execPath,
      [".ci/verify-demo.mjs", ...args],
      typeof report === "string" ? report : JSON.stringify(report)
    )

  it("accepts all scenarios if they are ok", async () => {
    expect(await verify(good, "0")).toMatchObject({ status: 0, out: `${names.length} scenarios, all ok` })
    expect(await verify(good, "0", "--base-url", "http://127.0.0.1:1/")).toMatchObject({ status: 0 })
  })

  it.each<[string, unknown, ReadonlyArray<string>, string]>([
    ["an exit status that is not 0", good, ["3"], "status 3"],
    ["no output", "", ["0"], "not one JSON object"],
    ["an empty object", {}, ["0"], "not one JSON object"],
    ["no scenarios", { ...good, scenarios: [] }, ["0"], "the scenarios are"],
    ["a missing scenario", { ...good, scenarios: good.scenarios.slice(1) }, ["0"], "the scenarios are"],
    [
      "a scenario that is not ok",
      { ...good, scenarios: good.scenarios.map((one) => ({ ...one, ok: false })) },
      ["0"],
      "is not ok"
    ],
    [
      "a scenario that sent nothing",
      { ...good, scenarios: good.scenarios.map((one) => ({ ...one, timeline: [] })) },
      ["0"],
      "sent nothing"
    ],
    ["other counts", { ...good, passed: 12 }, ["0"], "counts 12 and 0"],
    ["another server", good, ["0", "--base-url", "http://127.0.0.1:2"], "ran against http://127.0.0.1:1"]
  ])("rejects %s", async (_, report, args, problem) => {
    const { out, status } = await verify(report, ...args)
    expect(status).toBe(1)
    expect(out).toContain(problem)
  })
})

describe("verify-conformance", () => {
  const documented = (server: string) => {
    const page = readFileSync(join(root, "docs/reference/conformance.md"), "utf8")
    const section = page.split("\n## ").find((one) => one.startsWith(`\`${server}\``)) ?? ""
    return [...section.matchAll(/^\| `([^`]+)`/gm)].map(([, name = ""]) => ({ name, ok: true, observed: "" }))
  }
  const server = "@node-oauth/oauth2-server"
  const cases = documented(server)
  const good = { name: server, ok: true, cases }
  const verify = (report: unknown, status = "0", name = server) =>
    run(process.execPath, [".ci/verify-conformance.mjs", status, name], JSON.stringify(report))

  it("accepts a report in which every documented case is ok", async () => {
    expect(await verify(good)).toMatchObject({ status: 0, out: `${cases.length} cases at ${server}, all ok` })
  })

  it.each<[what: string, report: unknown, problem: string, status?: string, name?: string]>([
    ["an exit status that is not 0", good, "status 3", "3"],
    ["an empty object", {}, "not one JSON object"],
    ["no cases", { ...good, cases: [] }, "plain/client-credentials did not run"],
    ["a missing case", { ...good, cases: cases.slice(1) }, `${cases[0]?.name} did not run`],
    [
      "an undocumented case",
      { ...good, cases: [...cases, { name: "new", ok: true }] },
      "new is not in docs/reference/conformance.md"
    ],
    ["a case that ran twice", { ...good, cases: [...cases, cases[0]] }, `${cases[0]?.name} ran twice`],
    ["a case that is not ok", { ...good, cases: cases.map((one) => ({ ...one, ok: false })) }, "is not ok"],
    ["a skipped case", { ...good, cases: cases.map((one) => ({ ...one, ok: false, skipped: true })) }, "is not ok"],
    ["a report that is not ok", { ...good, ok: false }, "the report is not ok"],
    ["a report about another server", { ...good, name: "other" }, "the report is about other"],
    ["a server that the documentation lacks", { ...good, name: "other" }, "lists no case of other", "0", "other"]
  ])("rejects %s", async (_, report, problem, status, name) => {
    const { out, status: ended } = await verify(report, status, name)
    expect(ended).toBe(1)
    expect(out).toContain(problem)
  })
})

describe("verify-stress", () => {
  const documented = ["crash", "leaks", "parsers"]
  const passing = (name: string) => ({ name, ok: true, broken: [], skipped: [], figures: {} })
  const all = documented.map(passing)
  const [crash, ...rest] = all
  const count = async (results: ReadonlyArray<unknown>, status = "0", allowed: ReadonlyArray<string> = []) => {
    const { count } = await script("verify-stress")
    const output = results.map((one) => (typeof one === "string" ? one : JSON.stringify(one))).join("\n")
    return count({ allowed: new Set(allowed), documented, output, status })
  }

  it("counts each case that passed", async () => {
    expect(await count(all)).toEqual({ passed: 3, skipped: 0, problems: [] })
  })

  const partial = { ...crash, skipped: ["strace is missing"] }
  const part = "npm run stress > crash > strace is missing"

  it("counts a case with a listed skip as skipped", async () => {
    expect(await count([partial, ...rest], "0", [part])).toEqual({ passed: 2, skipped: 1, problems: [] })
  })

  it.each<[what: string, results: ReadonlyArray<unknown>, problem: string, status?: string, allowed?: string]>([
    ["a failed assertion", [{ ...crash, ok: false, broken: ["nothing is lost"] }, ...rest], "nothing is lost", "1"],
    ["a case that did not run", rest, "did not run: crash", "1"],
    ["a case that ran twice", [crash, ...all], "ran twice: crash"],
    ["an undocumented case", [...all, passing("new")], "is not in docs/reference/stress.md: new"],
    ["output that is no JSON", [...all, "Error: out of memory"], "standard output is not one JSON object per line"],
    ["a skip that is not listed", [partial, ...rest], `skipped, but not in .ci/allowed-skips.json: ${part}`],
    ["a listed skip that ran", all, `but not skipped: ${part}`, "0", part],
    ["an exit status that is not 0", all, "status 137", "137"]
  ])("counts %s as one failure and names it", async (_, results, problem, status, allowed) => {
    const { problems } = await count(results, status, allowed === undefined ? [] : [allowed])
    expect(problems).toEqual([expect.stringContaining(problem)])
  })

  it("prints one line with the three numbers, and the problems to standard error", async () => {
    const { documentedIn } = await script("verify-stress")
    const names = documentedIn(readFileSync(join(root, "docs/reference/stress.md"), "utf8"))
    expect(names.length).toBeGreaterThan(0)
    const report = join(room, "stress.json")
    writeFileSync(report, names.map((name: string) => `${JSON.stringify(passing(name))}\n`).join(""))
    const { err, out } = await run(process.execPath, [".ci/verify-stress.mjs", report, "1"])
    expect([out, err]).toEqual([`${names.length} 1 0`, "the program exited with status 1"])
  })
})

describe("list_slow_tests", () => {
  it("lists the files of vitest's project `slow`", async () => {
    const listed = await run("bash", ["-c", "source .ci/test-files.sh; list_slow_tests"])
    const args = ["list", "--config", ".config/vitest.config.ts", "--project", "slow", "--filesOnly"]
    const { out } = await run(process.execPath, [join(root, "node_modules/vitest/vitest.mjs"), ...args])
    const files = out.split("\n").filter((line) => line.includes("packages/"))
    expect(files.length).toBeGreaterThan(10)
    expect(listed.out.trim().split("\n").sort()).toEqual(
      files.map((line) => line.slice(line.indexOf("packages/"))).sort()
    )
  })
})

describe("run", () => {
  it("lists the sections for an unknown one, and runs none", async () => {
    const { err, out, status } = await run("bash", [".ci/run", "--only", "tests,nope"])
    expect([status, out]).toEqual([2, ""])
    expect(err).toContain('There is no section "nope". Sections: httpbin ')
  })

  it("has a section for every server of the conformance program", () => {
    const sections = readFileSync(join(root, ".ci/run"), "utf8")
    const page = readFileSync(join(root, "docs/reference/conformance.md"), "utf8")
    const servers = [...page.matchAll(/npm run -s conformance -- (\S+)/g)].map(([, name = ""]) => name)
    expect(new Set(servers).size).toBe(6)
    for (const name of servers) expect(sections).toContain(`check logged run_conformance ${name}"`)
  })

  it("repeats at the end what failed", async () => {
    const { out, status } = await run("bash", [".ci/run", "--only", "demo-at-httpbin"])
    const [, end = ""] = out.split("Failed sections: demo-at-httpbin")
    expect([status, end.trim().split("\n")]).toEqual([
      1,
      [
        "httpbin is not running: run the section httpbin too.",
        "",
        expect.stringMatching(/^in \d+ s$/),
        "0 passed, 1 failed, 0 skipped"
      ]
    ])
  })
})
