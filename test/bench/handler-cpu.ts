import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { systemClock } from "../../shared/core/clock.ts";
import { issueToken } from "../../shared/index.ts";
import type { World } from "../integration/world.ts";
import type { BenchmarkTable } from "./benchmark.ts";
import { startDelayedBus } from "./delayed-bus.ts";
import type { DeployedBundle } from "./deployed-bundles.ts";
import { median } from "./percentile.ts";

const run = promisify(execFile);

const MEASURING_PROCESS = fileURLToPath(new URL("./handler-cpu.mjs", import.meta.url));
/** The first blocks are for warm-up and are not counted. */
const BLOCKS = 24;
const WARM_UP_BLOCKS = 4;
const CALLS_PER_BLOCK = 50;

/** Measures the CPU time of a call to the deployed authorizer, including publishing and logging. */
export async function handlerCpu(world: World, bundle: DeployedBundle): Promise<BenchmarkTable> {
  const bus = await startDelayedBus();
  try {
    const { secret, token } = await issueToken(
      { ...world.context, clock: systemClock, sink: { publish: async () => {} } },
      { clientId: "app", userId: "ada", scopes: ["api:read"], expiresInSeconds: 86_400 },
    );
    const event = {
      type: "REQUEST",
      methodArn: "arn:aws:execute-api:us-east-1:000000000000:api/prod/GET/api/data",
      httpMethod: "GET",
      path: "/api/data",
      headers: { Authorization: `Bearer ${secret}`, "User-Agent": "bench/1.0" },
      multiValueHeaders: { Authorization: [`Bearer ${secret}`], "User-Agent": ["bench/1.0"] },
      requestContext: {
        requestId: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        identity: { sourceIp: "203.0.113.195" },
      },
    };
    const work = {
      file: bundle.file,
      tokensTable: world.tokensTable,
      digest: token.token_digest,
      event,
      blocks: BLOCKS,
      callsPerBlock: CALLS_PER_BLOCK,
    };
    const env = {
      ...bundle.variables,
      TOKENS_TABLE: world.tokensTable,
      SESSIONS_TABLE: world.sessionsTable,
      CREDENTIALS_TABLE: world.credentialsTable,
      DENY_LIST_TABLE: world.denyListTable,
      AWS_ENDPOINT_URL_DYNAMODB: world.endpoint,
      AWS_ENDPOINT_URL_EVENTBRIDGE: bus.endpoint,
    };
    const { stdout } = await run(process.execPath, [MEASURING_PROCESS, JSON.stringify(work)], {
      env,
      maxBuffer: 64 * 1024 * 1024,
    });
    if (bus.entries !== 2 * BLOCKS * CALLS_PER_BLOCK) throw new Error("not every call was allowed");
    // The result is the last line. Metrics write to stdout directly, so their lines come first.
    const measured = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as {
      handler: number[];
      bare: number[];
    };
    const handler = median(measured.handler.slice(WARM_UP_BLOCKS));
    const bare = median(measured.bare.slice(WARM_UP_BLOCKS));
    return {
      title:
        "Authorizer: CPU time per call of the deployed bundle, including publishing and logging",
      columns: ["work", "CPU ms", "ratio to a bare UpdateItem"],
      rows: [
        ["the authorizer's handler", handler.toFixed(2), (handler / bare).toFixed(2)],
        ["a bare UpdateItem with the SDK", bare.toFixed(2), "1.00"],
      ],
    };
  } finally {
    await bus.close();
  }
}
