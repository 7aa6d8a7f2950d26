import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";

/** Release to test. It is compiled on installation, so it is not a dependency of the project. */
const RELEASE = "aws-lambda-ric@4.0.2";
const ROOT = join(import.meta.dirname, "../..");
const CACHE = join(ROOT, "node_modules", ".cache", "lambda-runtime");
const CLIENT = join(CACHE, "node_modules", "aws-lambda-ric");
const TOOLS = "cmake g++ make python3 xz-utils autoconf automake libtool";

/** All e2e tests except those of metrics, which may be delayed while an environment is frozen. */
const TESTS = [
  "anomalies",
  "delivery",
  "adapters/adapters",
  "adapters/http",
  "http",
  "issuers",
  "log-volume",
  "permissions",
  "recovery",
].map((name) => `test/e2e/${name}.test.ts`);

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): number {
  const { status } = spawnSync(command, args, {
    cwd: ROOT,
    stdio: "inherit",
    env: { ...process.env, ...env },
  });
  return status ?? 1;
}

const isInstalled = () => existsSync(join(CLIENT, "rapid-client.node"));

if (!isInstalled()) {
  mkdirSync(CACHE, { recursive: true });
  run("npm", ["install", "--no-audit", "--no-fund", "--no-save", "--prefix", CACHE, RELEASE]);
}
if (!isInstalled()) {
  console.error(
    `${RELEASE} was not built. It needs Linux and a compiler: apt-get install -y ${TOOLS}`,
  );
  process.exit(1);
}
process.exit(
  run("npx", ["vitest", "run", "--project", "stack", ...TESTS], {
    LAMBDA_RUNTIME_CLIENT: join(CLIENT, "index.mjs"),
  }),
);
