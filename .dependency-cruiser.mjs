/** Where imports may point. `npm run lint` checks it. */

/**
 * The folders of `shared/` from the bottom up. A folder may import only folders of the rows above it in this list, and
 * never a folder of its own row.
 */
const LAYERS = [
  ["core"],
  ["events"],
  ["config"],
  ["tokens"],
  ["token-verifiers"],
  ["audit-log", "authorization"],
  ["cleanup", "cost", "detection", "statistics"],
  ["response"],
  ["integrations"],
  ["stack"],
];

const anyOf = (names) => `(${names.join("|")})`;

/** @type {import("dependency-cruiser").IForbiddenRuleType[]} */
const layers = LAYERS.flatMap((row, index) =>
  row.map((folder) => ({
    name: `layer-${folder}`,
    comment: `shared/${folder} imports itself and lower layers only`,
    severity: "error",
    from: { path: `^shared/${folder}/` },
    to: {
      path: "^shared/",
      pathNot: `^shared/${anyOf([folder, ...LAYERS.slice(0, index).flat()])}/`,
    },
  })),
);

/** @type {(name: string, comment: string, from: object, to: object) => object} */
const forbid = (name, comment, from, to) => ({ name, comment, severity: "error", from, to });

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    forbid("no-file-cycle", "Files do not import each other in a circle", {}, { circular: true }),
    {
      ...forbid("no-folder-cycle", "Nor do folders", {}, { circular: true }),
      scope: "folder",
    },
    forbid(
      "no-import-of-parent",
      "A folder's files may import a folder within it, so nothing in that imports them",
      { path: "^(.+)/[^/]+/[^/]+$" },
      { path: "^$1/[^/]+$" },
    ),
    forbid(
      "not-resolved",
      "An import that leads nowhere would pass every other rule",
      {},
      { couldNotResolve: true },
    ),
    forbid(
      "layer-unknown",
      "Every folder of shared/ has its place in LAYERS",
      {},
      {
        path: "^shared/[^/]+/",
        pathNot: `^shared/${anyOf(LAYERS.flat())}/`,
      },
    ),
    ...layers,
    forbid(
      "shared-is-below",
      "shared/ is the library: it imports no program and no infrastructure",
      { path: "^shared/" },
      { path: "^(adapters|functions|infra|cli|local|test|examples)/" },
    ),
    forbid(
      "adapters-alone",
      "adapters/ lets calls in: it imports shared/ only",
      { path: "^adapters/" },
      { path: "^(functions|infra|cli|local|test|examples)/" },
    ),
    forbid(
      "infra-alone",
      "infra/ deploys bundles; it imports no function and no program",
      { path: "^infra/" },
      { path: "^(adapters|functions|cli|local|test|examples)/" },
    ),
    forbid(
      "cli-alone",
      "cli/ imports shared/ only",
      { path: "^cli/" },
      { path: "^(adapters|functions|infra|local|test|examples)/" },
    ),
    forbid(
      "local-alone",
      "local/ runs what is synthesized and bundled; it imports shared/ only, except for the page of commands",
      { path: "^local/" },
      {
        path: "^(adapters|functions|infra|cli|test|examples)/",
        pathNot: "^cli/main.ts$",
      },
    ),
    forbid(
      "only-docs-read-the-parser",
      "local/docs writes a page from the command line's parser; nothing else in local/ needs it",
      { path: "^local/", pathNot: "^local/docs/" },
      { path: "^cli/" },
    ),
    forbid(
      "functions-alone",
      "functions/ imports adapters/ and shared/ only",
      { path: "^functions/" },
      { path: "^(infra|cli|local|test|examples)/" },
    ),
    forbid(
      "one-function-one-folder",
      "A function imports its own folder and functions/runtime",
      { path: "^functions/([^/]+)/" },
      { path: "^functions/", pathNot: "^functions/($1|runtime)/" },
    ),
    forbid(
      "page-imports-types",
      "The page runs in the browser: of shared/ it imports types only",
      { path: "^functions/dashboard/page/" },
      { path: "^shared/", dependencyTypesNot: ["type-only"] },
    ),
    forbid(
      "nothing-imports-examples",
      "Examples are apps of their own",
      { pathNot: "^examples/" },
      { path: "^examples/" },
    ),
    forbid(
      "ships-what-it-imports",
      "What ships imports no devDependency, except types; peers are the user's",
      { path: "^(infra|shared|adapters|cli)/" },
      { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["npm-peer", "type-only"] },
    ),
    forbid(
      "declared",
      "Every package that is imported is in package.json",
      {},
      { dependencyTypes: ["npm-no-pkg", "npm-unknown", "undetermined"] },
    ),
    forbid(
      "free-of-lambda",
      "shared/, adapters/ and cli/ know nothing of Lambda, not even its types: their users need not install them",
      { path: "^(shared|adapters|cli)/" },
      { path: "(^|/)(@types/aws-lambda|aws-lambda|@middy|@aws-lambda-powertools)(/|$)" },
    ),
    forbid(
      "free-of-cdk",
      "Only infra/ knows CDK, not even its types get further",
      { pathNot: "^infra/" },
      { path: "(^|/)node_modules/(aws-cdk-lib|constructs)/" },
    ),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^dist/" },
    tsConfig: { fileName: "tsconfig.json" },
    // Types count as well: a circle of types is just as hard to read.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["types", "import", "node", "default"],
      extensions: [".ts", ".tsx", ".mjs", ".js", ".json", ".d.ts", ".css"],
    },
  },
};
