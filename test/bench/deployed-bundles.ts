import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Template } from "../../infra/local/template.ts";
import { synthesize } from "../../infra/synthesize.ts";

/** A function as it would be deployed. */
export interface DeployedBundle {
  /** `authorizer`, `subscriber`, … */
  readonly name: string;
  readonly file: string;
  readonly bytes: number;
  /** The environment that the template gives it. */
  readonly variables: Readonly<Record<string, string>>;
}

interface FunctionProperties {
  readonly Code: { readonly S3Key: string };
  readonly Environment?: { readonly Variables: Record<string, string> };
}

/** Synthesizes the stack into a temporary folder and hands its bundles out while `use` runs. */
export async function withDeployedBundles<T>(
  use: (bundles: readonly DeployedBundle[]) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "oauth-monitoring-bench-"));
  try {
    const template = new Template(synthesize(directory), "http://127.0.0.1:9");
    const functions = template.resources<FunctionProperties>("AWS::Lambda::Function");
    return await use(
      functions.map(({ logicalId, properties: { Code, Environment } }) => {
        const file = join(template.assetDirectory(Code.S3Key), "index.mjs");
        const variables = {
          AWS_REGION: "us-east-1",
          AWS_ACCESS_KEY_ID: "local",
          AWS_SECRET_ACCESS_KEY: "local",
          NODE_NO_WARNINGS: "1",
          ...Environment?.Variables,
        };
        const name = Environment?.Variables.POWERTOOLS_SERVICE_NAME ?? logicalId;
        return { name, file, bytes: statSync(file).size, variables };
      }),
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
