/** Rules for imports. `npm run lint` checks them. */

/**
 * Folders of `shared/` and their contents, lowest layer first. A folder may import folders of earlier rows only, not of
 * the same row. `npm run docs` writes them to docs/architecture.md.
 */
export const LAYERS = [
  { core: "DynamoDB client, table definitions, time, errors" },
  { events: "event schema, publishing, redaction" },
  { config: "configuration schema, environment variables" },
  { tokens: "tokens, sessions, authorization codes, clients" },
  { "token-verifiers": "JWTs, token introspection, DPoP" },
  {
    "audit-log": "storing, counting and reading events",
    authorization: "route rules, deny list, the decision about a call",
  },
  {
    cleanup: "removal of expired data",
    cost: "estimate of the AWS bill",
    detection: "rules, risk scores, alerts",
    statistics: "counts of tokens and events",
  },
  { response: "actions, policies, approvals, notifications" },
  { integrations: "identity providers, IP enrichment, OCSF, Shared Signals" },
  { stack: "access to a deployed or local stack" },
];

const LAYER_FOLDERS = LAYERS.map((row) => Object.keys(row));

const joinNames = (names) => `(${names.join("|")})`;

/** @type {import("dependency-cruiser").IForbiddenRuleType[]} */
const layers = LAYER_FOLDERS.flatMap((row, index) =>
  row.map((folder) => ({
    name: `layer-${folder}`,
    comment: `shared/${folder} may import only itself and lower layers`,
    severity: "error",
    from: { path: `^shared/${folder}/` },
    to: {
      path: "^shared/",
      pathNot: `^shared/${joinNames([folder, ...LAYER_FOLDERS.slice(0, index).flat()])}/`,
    },
  })),
);

/** @type {(name: string, comment: string, from: object, to: object) => object} */
const forbid = (name, comment, from, to) => ({ name, comment, severity: "error", from, to });

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    forbid("no-file-cycle", "Files must not import each other in a cycle", {}, { circular: true }),
    {
      ...forbid(
        "no-folder-cycle",
        "Folders must not import each other in a cycle",
        {},
        { circular: true },
      ),
      scope: "folder",
    },
    forbid(
      "no-import-of-parent",
      "Files may import from their subfolders, so subfolders must not import files of the parent folder",
      { path: "^(.+)/[^/]+/[^/]+$" },
      { path: "^$1/[^/]+$" },
    ),
    forbid(
      "not-resolved",
      "Every import must resolve. An unresolved one would pass all other rules",
      {},
      { couldNotResolve: true },
    ),
    forbid(
      "layer-unknown",
      "Every folder of shared/ must be in LAYERS",
      {},
      {
        path: "^shared/[^/]+/",
        pathNot: `^shared/${joinNames(LAYER_FOLDERS.flat())}/`,
      },
    ),
    ...layers,
    forbid(
      "shared-is-below",
      "shared/ is the library. It must not import programs or infrastructure",
      { path: "^shared/" },
      { path: "^(adapters|functions|infra|cli|local|test|examples)/" },
    ),
    forbid(
      "adapters-alone",
      "adapters/ may import only shared/",
      { path: "^adapters/" },
      { path: "^(functions|infra|cli|local|test|examples)/" },
    ),
    forbid(
      "infra-alone",
      "infra/ deploys bundles. It must not import functions or programs",
      { path: "^infra/" },
      { path: "^(adapters|functions|cli|local|test|examples)/" },
    ),
    forbid(
      "cli-alone",
      "cli/ may import only shared/",
      { path: "^cli/" },
      { path: "^(adapters|functions|infra|local|test|examples)/" },
    ),
    forbid(
      "local-alone",
      "local/ runs the synthesized template and bundles. It may import only shared/, and cli/main.ts for the docs",
      { path: "^local/" },
      {
        path: "^(adapters|functions|infra|cli|test|examples)/",
        pathNot: "^cli/main.ts$",
      },
    ),
    forbid(
      "only-docs-read-the-parser",
      "Only local/docs, which generates the command-line page, may import the parser of cli/",
      { path: "^local/", pathNot: "^local/docs/" },
      { path: "^cli/" },
    ),
    forbid(
      "functions-alone",
      "functions/ may import only adapters/ and shared/",
      { path: "^functions/" },
      { path: "^(infra|cli|local|test|examples)/" },
    ),
    forbid(
      "one-function-one-folder",
      "A function may import only its own folder and functions/runtime",
      { path: "^functions/([^/]+)/" },
      { path: "^functions/", pathNot: "^functions/($1|runtime)/" },
    ),
    forbid(
      "page-imports-types",
      "The page runs in the browser. It may import only types from shared/",
      { path: "^functions/dashboard/page/" },
      { path: "^shared/", dependencyTypesNot: ["type-only"] },
    ),
    forbid(
      "nothing-imports-examples",
      "Examples are separate apps. Nothing may import them",
      { pathNot: "^examples/" },
      { path: "^examples/" },
    ),
    forbid(
      "ships-what-it-imports",
      "Published code must not import devDependencies, except types. Users install peer dependencies",
      { path: "^(infra|shared|adapters|cli)/" },
      { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["npm-peer", "type-only"] },
    ),
    forbid(
      "declared",
      "Every imported package must be in package.json",
      {},
      { dependencyTypes: ["npm-no-pkg", "npm-unknown", "undetermined"] },
    ),
    forbid(
      "free-of-lambda",
      "shared/, adapters/ and cli/ must not import Lambda packages or types, so that users need not install them",
      { path: "^(shared|adapters|cli)/" },
      { path: "(^|/)(@types/aws-lambda|aws-lambda|@middy|@aws-lambda-powertools)(/|$)" },
    ),
    forbid(
      "free-of-cdk",
      "Only infra/ may import CDK, including its types",
      { pathNot: "^infra/" },
      { path: "(^|/)node_modules/(aws-cdk-lib|constructs)/" },
    ),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^dist/" },
    tsConfig: { fileName: "tsconfig.json" },
    // Includes type imports: a cycle of types is just as hard to read.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["types", "import", "node", "default"],
      extensions: [".ts", ".tsx", ".mjs", ".js", ".json", ".d.ts", ".css"],
    },
  },
};
