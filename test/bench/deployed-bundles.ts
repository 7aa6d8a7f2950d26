import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { synthesize } from "../../infra/synthesize.ts";
import { type Assembly, Template } from "../../local/services/template.ts";

/** A function as it would be deployed. */
export interface DeployedBundle {
  /** `authorizer`, `subscriber`, … */
  readonly name: string;
  readonly file: string;
  readonly bytes: number;
  /** The modules beside it, which it loads when it first needs them. */
  readonly onNeed: readonly { readonly name: string; readonly bytes: number }[];
  /** The environment that the template gives it. */
  readonly variables: Readonly<Record<string, string>>;
}

interface FunctionProperties {
  readonly Code: { readonly S3Key: string };
  readonly Environment?: { readonly Variables: Record<string, string> };
}

/** The bundles of a synthesized stack. */
export function deployedBundles(assembly: Assembly): DeployedBundle[] {
  const template = new Template(assembly, "http://127.0.0.1:9");
  return template
    .resources<FunctionProperties>("AWS::Lambda::Function")
    .map(({ logicalId, properties: { Code, Environment } }) => {
      const file = join(template.assetDirectory(Code.S3Key), "index.mjs");
      const variables = {
        AWS_REGION: "us-east-1",
        AWS_ACCESS_KEY_ID: "local",
        AWS_SECRET_ACCESS_KEY: "local",
        NODE_NO_WARNINGS: "1",
        ...Environment?.Variables,
      };
      const name = Environment?.Variables.POWERTOOLS_SERVICE_NAME ?? logicalId;
      const onNeed = readdirSync(dirname(file))
        .filter((found) => found.endsWith(".mjs") && found !== "index.mjs")
        .map((found) => ({ name: found, bytes: statSync(join(dirname(file), found)).size }));
      return { name, file, bytes: statSync(file).size, onNeed, variables };
    });
}

/** Synthesizes the stack into a temporary folder and hands its bundles out while `use` runs. */
export async function withDeployedBundles<T>(
  use: (bundles: readonly DeployedBundle[]) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "oauth-monitoring-bench-"));
  try {
    return await use(deployedBundles(synthesize(directory)));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
