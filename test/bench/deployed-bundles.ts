import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, type Metafile } from "esbuild";
import { synthesize } from "../../infra/synthesize.ts";
import {
  bundleFunctions,
  FUNCTION_OPTIONS,
  type FunctionBundle,
} from "../../local/build/bundle-functions.ts";
import { Template } from "../../local/services/template.ts";

const root = join(import.meta.dirname, "../..");

/** A function as it would be deployed. */
export interface DeployedBundle {
  /** Name of the function, such as `authorizer` or `subscriber`. */
  readonly name: string;
  readonly file: string;
  /** Size of the files that a cold start loads. */
  readonly bytes: number;
  /** Size of the files that are loaded on first use. */
  readonly bytesOnNeed: number;
  /** Environment variables from the template. */
  readonly variables: Readonly<Record<string, string>>;
}

interface FunctionProperties {
  readonly Code: { readonly S3Key: string };
  readonly Environment?: { readonly Variables: Record<string, string> };
}

type Output = Metafile["outputs"][string];

/** Returns the files that a cold start loads: the entry and its static imports. */
export function loadedAtStart({ file, metafile: { outputs } }: FunctionBundle): Output[] {
  const entry = Object.keys(outputs).find((path) => path.endsWith(file));
  const loaded = new Set<string>();
  const load = (path: string) => {
    if (loaded.has(path)) return;
    loaded.add(path);
    for (const each of outputs[path]?.imports ?? []) {
      if (!each.external && each.kind === "import-statement") load(each.path);
    }
  };
  if (entry) load(entry);
  return [...loaded].flatMap((path) => outputs[path] ?? []);
}

/** Returns the files that a function loads on first use. */
export function loadedOnNeed(bundle: FunctionBundle): Output[] {
  const { outputs } = bundle.metafile;
  const known = new Set(loadedAtStart(bundle));
  const found = new Set<Output>();
  const follow = (file: Output) => {
    for (const { path, external } of file.imports) {
      const next = outputs[path];
      if (external || !next || known.has(next) || found.has(next)) continue;
      found.add(next);
      follow(next);
    }
  };
  for (const file of known) follow(file);
  return [...found];
}

const sum = (files: readonly Output[]) => files.reduce((bytes, file) => bytes + file.bytes, 0);

/** The package's middlewares. Each is bundled as in an app that contains nothing else. */
const ADAPTERS = {
  lambda: { name: "adapter: oauth-monitoring/lambda", entry: "adapters/lambda/index.ts" },
  node: { name: "adapter: oauth-monitoring/node", entry: "adapters/node/index.ts" },
} as const;

/** Bundles the middlewares that apps import. */
async function bundleAdapters(outdir: string): Promise<DeployedBundle[]> {
  const bundles = Object.entries(ADAPTERS).map(async ([key, { name, entry }]) => {
    const folder = join(outdir, key);
    const { metafile } = await build({
      ...FUNCTION_OPTIONS,
      absWorkingDir: root,
      entryPoints: { index: join(root, entry) },
      outdir: folder,
    });
    const bundle = { file: join(key, "index.mjs"), metafile };
    return {
      name,
      file: join(folder, "index.mjs"),
      bytes: sum(loadedAtStart(bundle)),
      bytesOnNeed: sum(loadedOnNeed(bundle)),
      variables: { NODE_NO_WARNINGS: "1" },
    };
  });
  return Promise.all(bundles);
}

/** Bundles the stack's functions and the adapters into a temporary directory, and passes them to `use`. */
export async function withDeployedBundles<T>(
  use: (bundles: readonly DeployedBundle[]) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "oauth-monitoring-bench-"));
  try {
    const template = new Template(synthesize(join(directory, "assembly")), "http://127.0.0.1:9");
    const variables = new Map(
      template
        .resources<FunctionProperties>("AWS::Lambda::Function")
        .map(({ properties: { Code, Environment } }) => [
          Environment?.Variables.POWERTOOLS_SERVICE_NAME,
          { ...Environment?.Variables, LAMBDA_TASK_ROOT: template.assetDirectory(Code.S3Key) },
        ]),
    );
    const bundles = await bundleFunctions(root, join(directory, "functions"));
    const adapters = await bundleAdapters(join(directory, "adapters"));
    return await use([
      ...adapters,
      ...Object.entries(bundles).map(([name, bundle]) => {
        const bytes = sum(loadedAtStart(bundle));
        return {
          name,
          file: join(directory, "functions", bundle.file),
          bytes,
          bytesOnNeed: sum(loadedOnNeed(bundle)),
          variables: {
            AWS_REGION: "us-east-1",
            AWS_ACCESS_KEY_ID: "local",
            AWS_SECRET_ACCESS_KEY: "local",
            NODE_NO_WARNINGS: "1",
            ...variables.get(name),
          },
        };
      }),
    ]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
