import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { synthesize } from "../../infra/synthesize.ts";
import { startEventSources } from "../../local/services/event-source.ts";
import { LambdaFunctions } from "../../local/services/lambda-functions.ts";
import { Template } from "../../local/services/template.ts";
import { queryEvents } from "../../shared/audit-log/query-events.ts";
import {
  type MonitoringConfigInput,
  parseMonitoringConfig,
} from "../../shared/config/monitoring-config.ts";
import { HOUR_MS } from "../../shared/core/clock.ts";
import { createEvent, type OAuthEvent } from "../../shared/events/oauth-event.ts";
import { issueToken, revokeToken, tokenUsageStats } from "../../shared/index.ts";
import { useStack } from "./stack.ts";

const directories: string[] = [];
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

function assembly(config: MonitoringConfigInput) {
  const directory = mkdtempSync(join(tmpdir(), "oauth-monitoring-rolling-"));
  directories.push(directory);
  return synthesize(directory, config);
}

const shards = (write: number) => {
  const count = { write, read: 4 };
  return { events: count, counters: count, issuances: count, expiry: count };
};
/** Readers use the higher shard count before the writers do, as docs/capacity.md describes. */
const OLD: MonitoringConfigInput = { shards: shards(1), retention: { defaultDays: 90 } };
const NEW: MonitoringConfigInput = { shards: shards(4), retention: { defaultDays: 30 } };

const scene = useStack({ assembly: () => assembly(OLD), visibilitySeconds: 2 });

describe("deployment that changes the shard count and retention", () => {
  let functions: LambdaFunctions;
  let startNew: () => void;
  let stopNew = () => {};
  /** Number of batches that each set of functions received. */
  const batches = { old: 0, new: 0 };

  beforeAll(() => {
    const { stack } = scene();
    const template = new Template(assembly(NEW), stack.eventbridgeEndpoint);
    functions = new LambdaFunctions(template, {
      endpoints: {
        AWS_ENDPOINT_URL_DYNAMODB: stack.dynamodbEndpoint,
        AWS_ENDPOINT_URL_EVENTBRIDGE: stack.eventbridgeEndpoint,
        AWS_ENDPOINT_URL_SQS: stack.eventbridgeEndpoint,
      },
      log: () => {},
    });
    for (const [name, each] of [
      ["old", stack.functions],
      ["new", functions],
    ] as const) {
      const { invoke } = each;
      each.invoke = (id, ...rest) => {
        if (id.includes("Subscriber")) batches[name] += 1;
        return invoke.call(each, id, ...rest);
      };
    }
    startNew = () => {
      stopNew = startEventSources(template, stack.queues, functions, stack.access);
    };
  });
  afterAll(() => {
    stopNew();
    functions.close();
  });

  it("stores and counts every event once while old and new functions share one queue and one store", async () => {
    const { stack, library, settle } = scene();
    const subscriber = stack.named("function", "Subscriber");
    const startMs = Date.now();
    const owner = { clientId: "rolling", scopes: ["api:read"], expiresInSeconds: 3600 };
    const events: OAuthEvent[] = Array.from({ length: 240 }, (_, n) =>
      createEvent(
        { eventType: "consent_given", clientId: "rolling", userId: `u${n % 7}`, details: { n } },
        startMs + n,
      ),
    );
    const publish = async (start: number) => {
      await library.sink.publish(events.slice(start, start + 40));
      const { token } = await issueToken(library, owner);
      if (start % 80 === 0) await revokeToken(library, token.token_id);
    };
    await publish(0);
    await settle();
    startNew();
    for (let start = 40; start < 200; start += 40) {
      await publish(start);
      await sleep(300);
      // The old environments are killed while they work, one after the other.
      if (start === 120) stack.functions.kill(subscriber);
    }
    // Lambda now routes every call to the new version.
    stack.functions.reserve(subscriber, 0);
    await publish(200);
    await settle();
    while (!functions.isIdle) await sleep(50);
    await settle();
    expect(Math.min(batches.old, batches.new)).toBeGreaterThan(0);

    const range = { fromMs: startMs - HOUR_MS, toMs: Date.now() + HOUR_MS };
    for (const config of [OLD, NEW].map(parseMonitoringConfig)) {
      const reader = { ...library, config };
      const found = await queryEvents(reader, { clientId: "rolling", limit: 1000 });
      const ofType = found.events.filter(({ event_type }) => event_type === "consent_given");
      expect(ofType.map(({ id }) => id).sort()).toEqual(events.map(({ id }) => id).sort());
      const days = new Set(
        ofType.map(({ expires_at = 0 }) => Math.round((expires_at - startMs / 1000) / 86_400)),
      );
      expect(days).toEqual(new Set([30, 90]));
      const stats = await tokenUsageStats(reader, range, { clientId: "rolling" });
      expect(stats).toMatchObject({ total_tokens_issued: 6, revoked_tokens: 3 });
      expect(stats.events.by_type).toMatchObject({ consent_given: 240, token_issued: 6 });
    }
  });
});
