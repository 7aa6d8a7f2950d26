import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { ADAPTERS } from "./adapters.ts";
import { runDifferential } from "./differential.ts";
import { openScene, type Scene } from "./scene.ts";

/** Maximum number of bypasses in the failure message. */
const MAX_SHOWN = 10;

/** Defines the test of every adapter. A failure prints the seed and the calls. */
export function describeDifferential(options: { readonly count: number; readonly seed: number }) {
  // Separate tables in the shared DynamoDB Local.
  process.env.AWS_ACCESS_KEY_ID = `differential${process.pid}`;
  let scene: Scene;
  beforeAll(async () => {
    scene = await openScene(inject("dynamodbEndpoint"));
  });
  afterAll(() => scene.close());

  describe(`authorization decisions (${options.count} calls, seed ${options.seed})`, () => {
    it.each(ADAPTERS)(
      "use the rule of the route that runs: $name",
      {
        timeout: 900_000,
      },
      async (adapter) => {
        const report = await runDifferential(adapter, scene, options);
        const { handled, calls, bypasses } = report;
        console.log(
          `${adapter.name}: ${handled} of ${calls} calls ran a handler, ${bypasses.length} of them by another rule`,
        );
        expect({ ...report, bypasses: bypasses.slice(0, MAX_SHOWN) }).toMatchObject({
          bypasses: [],
          unreached: [],
        });
        // With fewer handled calls, the test would prove nothing.
        expect(handled).toBeGreaterThan(calls / 10);
      },
    );
  });
}
