import { startDynamoDbLocal } from "../../local/services/dynamodb-local.ts";
import { createWorldAt } from "../integration/world.ts";
import { addedLatency, responsePath } from "./authorizer-latency.ts";
import type { Benchmark } from "./benchmark.ts";
import { bundleWeight } from "./bundle-weight.ts";
import { withDeployedBundles } from "./deployed-bundles.ts";
import { handlerCpu } from "./handler-cpu.ts";
import { jwtCpu } from "./jwt-cpu.ts";

/** Measures the latency and CPU time of a call, and the size of the functions. */
export const authorizer: Benchmark = {
  name: "authorizer",
  async run(report) {
    const store = await startDynamoDbLocal({ port: 0 });
    try {
      const world = await createWorldAt(store.endpoint);
      report("round trips and bytes");
      const path = await responsePath(world);
      report("latency with and without tracking");
      const latency = await addedLatency(world);
      return await withDeployedBundles(async (bundles) => {
        const deployed = bundles.find(({ name }) => name === "authorizer");
        if (!deployed) throw new Error("the stack has no function authorizer");
        report("CPU of a call");
        const cpu = await handlerCpu(world, deployed);
        report("CPU of a decision about a JWT");
        const jwt = await jwtCpu();
        report(`cold imports of ${bundles.length} bundles`);
        return [path, latency, cpu, jwt, await bundleWeight(bundles)];
      });
    } finally {
      await store.close();
    }
  },
};
