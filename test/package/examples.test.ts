import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { newExample, newFolder, pack, ROOT, run } from "./new-app.ts";

const EXAMPLES = readdirSync(join(ROOT, "examples"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

let tarball: string;

beforeAll(async () => {
  tarball = await pack(newFolder("packed"));
}, 60_000);

describe.each(EXAMPLES)("the example %s", (name) => {
  it("depends on the package as a clone can install it", () => {
    const folder = join(ROOT, "examples", name);
    const { dependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    expect(dependencies["oauth-monitoring"]).toBe("file:../..");
    // A link would resolve the peers from the clone: a second aws-cdk-lib, whose types do not fit.
    expect(readFileSync(join(folder, ".npmrc"), "utf8")).toContain("install-links=true");
    expect(readFileSync(join(folder, "README.md"), "utf8")).toContain(`cd examples/${name}`);
  });

  it("passes its type check, its tests and its synthesis", { timeout: 300_000 }, async () => {
    const folder = await newExample(name, tarball);
    await run(folder, "npx", "tsc");
    await run(folder, "npm", "test");
    await run(folder, "npx", "cdk", "synth", "--quiet");
    const templates = readdirSync(join(folder, "cdk.out")).filter((file) =>
      file.endsWith(".template.json"),
    );
    expect(templates).toHaveLength(1);
    expect(readFileSync(join(folder, "cdk.out", templates[0] as string), "utf8")).toContain(
      "MonitoringTokensTable",
    );
  });
});
