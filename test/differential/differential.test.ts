import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { ADAPTERS } from "./adapters.ts";
import { runDifferential } from "./differential.ts";
import { openScene, type Scene } from "./scene.ts";

const COUNT = Number(process.env.DIFFERENTIAL_CALLS ?? 300);
const SEED = Number(process.env.DIFFERENTIAL_SEED ?? 22);

// A store of its own in the one DynamoDB Local.
process.env.AWS_ACCESS_KEY_ID = `differential${process.pid}`;

let scene: Scene;
beforeAll(async () => {
  scene = await openScene(inject("dynamodbEndpoint"));
});
afterAll(() => scene.close());

describe(`the rule that decides (seed ${SEED}, ${COUNT} calls)`, () => {
  it.each(ADAPTERS)(
    "is the rule of the route that runs: $name",
    { timeout: 900_000 },
    async (adapter) => {
      const report = await runDifferential(adapter, scene, { count: COUNT, seed: SEED });
      console.log(
        `${report.adapter}: ${report.handled} of ${report.calls} calls ran a handler, ${report.bypasses.length} by another rule`,
      );
      expect({ ...report, bypasses: report.bypasses.slice(0, 10) }).toMatchObject({
        bypasses: [],
        unreached: [],
      });
      // Enough calls must get through, or the test shows nothing.
      expect(report.handled).toBeGreaterThan(report.calls / 10);
    },
  );
});
