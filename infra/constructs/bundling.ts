import { fileURLToPath } from "node:url";
import { type BundlingOptions, OutputFormat } from "aws-cdk-lib/aws-lambda-nodejs";

/** The project's folder, with a slash at its end. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

/** What of a function decides how it is bundled. */
export interface Bundled {
  /** Folder under `functions/`. */
  readonly folder: string;
  /** A script of the folder that adds files to the bundle; it is given the bundle's directory. */
  readonly build?: string;
  /** Modules of `functions/runtime` that lie beside the bundle, to be loaded when first needed. */
  readonly onNeed?: readonly string[];
}

/** Parts of the SDK that no function needs, and the modules of `functions/runtime` in their place. */
export const STAND_INS = {
  "@aws-sdk/credential-provider-node": "lambda-credentials",
  "@aws-sdk/endpoint-cache": "no-endpoint-discovery",
  "@aws-sdk/signature-v4-multi-region": "single-region-signature",
  "@smithy/core/event-streams": "no-event-streams",
} as const;

const runtimeModule = (name: string) => `${root}functions/runtime/${name}`;

const aliases = Object.fromEntries(
  Object.entries(STAND_INS).map(([part, name]) => [`--alias:${part}`, runtimeModule(`${name}.ts`)]),
);

/** Bundled for the runtime that deploys and, by its target, for the Node that runs it locally. */
const BUNDLING = {
  format: OutputFormat.ESM,
  mainFields: ["module", "main"],
  target: "node20",
  minify: true,
  // Packages in CommonJS inside an ES module still call require.
  banner:
    "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  bundleAwsSDK: true,
  esbuildArgs: aliases,
} satisfies BundlingOptions;

/** The path of the function's handler. */
export function entryOf({ folder }: Bundled): string {
  return `${root}functions/${folder}/handler.ts`;
}

/** A file beside the bundle, as the bundle imports it. */
const besideBundle = (name: string) => `./${name}.mjs`;

/** esbuild's arguments for one file: what CDK gives it for a function that needs nothing beside its bundle. */
export function esbuildArguments(entry: string, outfile: string): string[] {
  const { banner, esbuildArgs, format, mainFields, target } = BUNDLING;
  return [
    "--bundle",
    entry,
    `--outfile=${outfile}`,
    "--platform=node",
    "--minify",
    `--target=${target}`,
    `--format=${format}`,
    `--main-fields=${mainFields.join(",")}`,
    `--banner:js=${banner}`,
    ...Object.entries(esbuildArgs).map(([name, value]) => `${name}=${value}`),
  ];
}

const command = (...parts: string[]) => parts.map((part) => `"${part}"`).join(" ");

/** How a function is bundled, with all that lies beside its bundle. */
export function bundling({ folder, build, onNeed = [] }: Bundled): BundlingOptions {
  const modules = (directory: string) =>
    onNeed.map((name) => {
      const args = esbuildArguments(runtimeModule(`${name}.mts`), `${directory}/${name}.mjs`);
      return command("npx", "--no-install", "esbuild", ...args);
    });
  const files = (directory: string) =>
    build === undefined
      ? []
      : [command(process.execPath, `${root}functions/${folder}/${build}`, directory)];
  return {
    ...BUNDLING,
    externalModules: onNeed.map(besideBundle),
    commandHooks: {
      beforeBundling: () => [],
      beforeInstall: () => [],
      afterBundling: (_, directory) => [...modules(directory), ...files(directory)],
    },
  };
}
