// The lint rules. Rules of this project are in `eslint/`, one rule per file. `lint.test.ts` of the examples verifies that
// each of them, and each ban below, reports its problem.
import js from "@eslint/js"
import { createNodeResolver, importX } from "eslint-plugin-import-x"
import { defineConfig } from "eslint/config"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import tseslint from "typescript-eslint"
import explicitExportType from "./eslint/explicit-export-type.js"
import layers from "./eslint/layers.js"
import noFloatingEffects from "./eslint/no-floating-effects.js"
import { mayImport } from "./eslint/packages.js"
import platformTraps from "./eslint/platform-traps.js"
import reasonedCast from "./eslint/reasoned-cast.js"
import reasonedDirective from "./eslint/reasoned-directive.js"

const root = dirname(dirname(fileURLToPath(import.meta.url)))

const countersign = {
  rules: {
    "explicit-export-type": explicitExportType,
    layers,
    "no-floating-effects": noFloatingEffects,
    "platform-traps": platformTraps,
    "reasoned-cast": reasonedCast,
    "reasoned-directive": reasonedDirective
  }
}

const published = "packages/{protocol,client,auth,node,redis,sql,testing}/src/**/*.ts"

const clock = "the time comes from Effect's Clock, or as an argument: a test must be able to set it."
const bannedProperties = [
  { object: "Date", property: "now", message: `No Date.now: ${clock}` },
  { object: "Math", property: "random", message: "No Math.random: chance comes from Effect's Random." }
]
const environment = [
  { object: "process", property: "env", message: "No process.env: configuration comes from Effect's Config." }
]
const bannedSyntax = [
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: `No new Date(): ${clock}` },
  { selector: "CallExpression[callee.name='Date']", message: `No Date(): ${clock}` }
]
const either = {
  selector: "ExportNamedDeclaration TSQualifiedName[left.name='Either']",
  message: "No Either in a public signature, because Effect 4 has none: return an Effect, or a `Result` of protocol."
}
const effectOfTag = {
  selector:
    "CallExpression[callee.object.name='Effect'][callee.property.name=/^(flatMap|map|andThen|tap)$/][arguments.0.name=/^[A-Z]/]",
  message: "A service is not an argument of Effect's functions: write `yield* Api` in `Effect.gen`."
}
/** Modules of Effect 3 that Effect 4 does not have. Only the modules of `differsInEffect4` import them. */
const onlyInEffect3 = [
  "DefaultServices",
  "FiberRef",
  "GlobalValue",
  "ScheduleDecision",
  "ScheduleInterval",
  "ScheduleIntervals"
].map((name) => ({
  name: `effect/${name}`,
  message: "Effect 4 does not have it: use a module in `runtime`, or one of those that docs/decisions/0044 lists."
}))
/** Effect 4 has other classes for these errors. */
const platformErrors = {
  name: "@effect/platform/HttpClientError",
  allowTypeImports: true,
  message:
    "Effect 4 has other classes: use `Transport.makeRequestError`, or in the client `runtime/transportFailure.ts`."
}
/** Effect 4 has other errors for these. */
const configErrors = {
  name: "effect/ConfigError",
  allowTypeImports: true,
  message: "Effect 4 has another class: use `ConfigOptions.invalid`."
}
const differsInEffect4 = [
  "packages/client/src/internal/runtime/*.ts",
  "packages/client/src/internal/telemetry/fiberTelemetry.ts",
  "packages/client/src/internal/time/scheduleStep.ts",
  "packages/auth/src/internal/concurrency/pause.ts"
]
const barrels = ["effect", "@effect/platform", "@effect/platform-node"].map((name) => ({
  name,
  message: `Import the module, "${name}/Module": a barrel loads everything, and platform-node's needs more packages.`
}))
const bunsOwn = {
  name: "undici",
  allowTypeImports: true,
  message: 'Import "undici/index.js": Bun replaces "undici" by a part of it, which sends no requests.'
}
const alone = {
  selector: "MemberExpression[property.name=/^(only|skip|todo)$/][object.type=/^(Identifier|MemberExpression)$/]",
  message: "A test that runs alone, or not at all, hides the others: `skipIf` says when it cannot run."
}

export default defineConfig(
  // The overrides are for Effect 4: `npm run effect4` checks their types.
  { ignores: ["**/node_modules/**", "**/dist/**", "**/*.generated.ts", "**/effect4/overrides/**"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  js.configs.recommended,
  tseslint.configs.recommendedTypeChecked,
  {
    plugins: { countersign, "import-x": importX },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: root } },
    settings: {
      "import-x/extensions": [".ts", ".js"],
      "import-x/parsers": { "@typescript-eslint/parser": [".ts"] },
      // Dependencies cannot be part of a circle, and reading them takes time.
      "import-x/external-module-folders": ["node_modules"],
      "import-x/resolver-next": [
        createNodeResolver({
          conditionNames: ["types", "import", "default"],
          extensions: [".ts", ".js"],
          extensionAlias: { ".js": [".ts", ".js"] }
        })
      ]
    },
    rules: {
      "countersign/layers": "error",
      "countersign/no-floating-effects": "error",
      "countersign/reasoned-directive": "error",
      "import-x/no-cycle": ["error", { ignoreExternal: true }],
      "import-x/no-self-import": "error",
      "no-unused-vars": "off",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      // A branch of a program without effects is a generator without `yield`.
      "require-yield": "off"
    }
  },
  {
    files: ["packages/*/src/**/*.ts"],
    plugins: { countersign },
    rules: {
      "countersign/platform-traps": "error",
      "countersign/reasoned-cast": "error",
      "no-restricted-imports": ["error", { paths: barrels }],
      "no-restricted-properties": ["error", ...bannedProperties],
      "no-restricted-syntax": ["error", ...bannedSyntax]
    }
  },
  {
    files: [published],
    rules: {
      "countersign/explicit-export-type": "error",
      "@typescript-eslint/explicit-module-boundary-types": "error",
      "@typescript-eslint/no-restricted-imports": [
        "error",
        { paths: [bunsOwn, platformErrors, configErrors, ...onlyInEffect3] }
      ]
    }
  },
  {
    files: differsInEffect4,
    rules: { "@typescript-eslint/no-restricted-imports": ["error", { paths: [bunsOwn] }] }
  },
  {
    files: [published],
    ignores: ["packages/*/src/internal/**"],
    rules: { "no-restricted-syntax": ["error", ...bannedSyntax, either] }
  },
  {
    files: ["packages/examples/src/**/*.ts"],
    rules: { "no-restricted-syntax": ["error", ...bannedSyntax, effectOfTag] }
  },
  {
    files: [published],
    ignores: ["packages/node/**"],
    rules: {
      "no-console": "error",
      "no-restricted-properties": ["error", ...bannedProperties, ...environment]
    }
  },
  // Every file here can import the dependencies of the workspace, but an installed package lacks them.
  Object.keys(mayImport).map((name) => ({
    files: [`packages/${name}/src/**/*.ts`],
    rules: {
      "import-x/no-extraneous-dependencies": [
        "error",
        { devDependencies: false, includeTypes: true, packageDir: join(root, "packages", name) }
      ]
    }
  })),
  {
    files: ["packages/*/test/**/*.ts"],
    rules: {
      "no-restricted-syntax": ["error", alone],
      // A test reads responses of its servers and asserts their content in the next line.
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-call": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-return": "off"
    }
  },
  {
    files: ["**/*.{js,mjs}"],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: { URL: "readonly", console: "readonly", process: "readonly" } },
    rules: { "countersign/no-floating-effects": "off" }
  }
)
