import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { synthesize } from "../../infra/synthesize.ts";
import { type LibraryContext, libraryContext } from "../../local/start/library-context.ts";
import { type LocalStack, startLocalStack } from "../../local/start/local-stack.ts";
import { systemClock } from "../../shared/core/clock.ts";
import { EVENT_SOURCE } from "../../shared/events/oauth-event.ts";
import {
  alertSuspiciousActivity,
  issueToken,
  revokeToken,
  trackEvent,
} from "../../shared/index.ts";
import { recordingLogger } from "../integration/store.ts";
import { ocsfEventSchema } from "../unit/ocsf-schema.ts";

let directory: string;
let objects: string;
let stack: LocalStack;
let library: LibraryContext;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "oauth-monitoring-ocsf-"));
  objects = join(directory, "s3");
  stack = await startLocalStack({
    assembly: synthesize(join(directory, "cdk.out"), { ocsfExport: { enabled: true } }),
    port: 0,
    dynamodbPort: 0,
    eventbridgePort: 0,
    objectsDirectory: objects,
  });
  library = libraryContext(stack, systemClock, recordingLogger());
});

afterAll(async () => {
  await stack?.close();
  await rm(directory, { recursive: true, force: true });
});

interface Line {
  /** Prefixes in the bucket. */
  readonly prefix: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into lines freely
  readonly json: any;
}

/** Returns every line of every object in the bucket. */
async function lines(): Promise<Line[]> {
  for (const stream of stack.deliveryStreams.values()) await stream.flush();
  const entries = await readdir(objects, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const found = await Promise.all(
    files.map(async ({ parentPath, name }) => {
      expect(name).toMatch(/\.json\.gz$/);
      const [, ...folders] = relative(objects, parentPath).split(sep);
      const text = gunzipSync(await readFile(join(parentPath, name))).toString("utf8");
      return text
        .trimEnd()
        .split("\n")
        .map((line) => ({ prefix: folders.join("/"), json: JSON.parse(line) }));
    }),
  );
  return found.flat();
}

describe("deployed OCSF export", () => {
  it("writes every stored event as OCSF into the partition for its class and day", async () => {
    const issue = (clientId: string, scopes: string[]) =>
      issueToken(library, { clientId, userId: "ada", scopes, expiresInSeconds: 3600 });
    const caller = await issue("app", ["api:read"]);
    const admin = await issue("ops", ["oauth:admin"]);
    const call = (path: string, secret: string, method = "GET") =>
      fetch(`${stack.url}${path}`, { method, headers: { authorization: `Bearer ${secret}` } });
    await call("/api/orders", caller.secret);
    await call("/api/orders", caller.secret, "POST");
    await call("/api/orders", "not-a-token-of-ours-at-all");
    await alertSuspiciousActivity(library, "Odd", { ip: "203.0.113.9" });
    await trackEvent(library, "consent_given", { oauth_client_id: "app" }, { purpose: "demo" });
    await revokeToken(library, caller.token.token_id);

    const stored = async () => {
      const response = await call("/admin/oauth/events?limit=1000", admin.secret);
      const { events } = (await response.json()) as {
        events: { id: string; event_type: string; occurred_at: string }[];
      };
      return events;
    };
    const types = [
      "auth_failed",
      "consent_given",
      "scope_violation",
      "suspicious_activity",
      "token_issued",
      "token_revoked",
      "token_used",
    ];
    const known = await expect
      .poll(async () => [...new Set((await stored()).map((event) => event.event_type))].sort(), {
        timeout: 30_000,
      })
      .toEqual(types)
      .then(stored);

    const exported = await lines();
    const byUid = new Map(exported.map((line) => [line.json.metadata?.uid, line]));
    for (const { id, event_type, occurred_at } of known) {
      const line = byUid.get(id);
      expect(line, event_type).toBeDefined();
      expect(ocsfEventSchema.safeParse(line?.json).error?.issues).toBeUndefined();
      expect(line?.prefix).toBe(
        `ocsf/class_uid=${line?.json.class_uid}/day=${occurred_at.slice(0, 10)}`,
      );
      expect(line?.json.time).toBe(Date.parse(occurred_at));
    }
    expect(new Set(exported.map(({ json }) => json.class_uid))).toEqual(
      new Set([2004, 3002, 6003]),
    );
    const text = JSON.stringify(exported);
    for (const secret of [caller.secret, admin.secret, "not-a-token-of-ours-at-all"]) {
      expect(text).not.toContain(secret);
    }
  });

  it("writes a record that is not an event under the error prefix", async () => {
    const Detail = JSON.stringify({ id: "no uuid" });
    stack.eventBus.put({
      Source: EVENT_SOURCE,
      DetailType: "oauth.token_used",
      Detail,
      EventBusName: stack.eventBus.name,
    });
    const failed = (await lines()).filter(({ prefix }) => prefix.startsWith("ocsf-errors/"));
    expect(failed).toHaveLength(1);
    expect(failed[0]?.prefix).toMatch(/^ocsf-errors\/processing-failed\/day=\d{4}-\d{2}-\d{2}$/);
    const raw = Buffer.from(failed[0]?.json.rawData, "base64").toString("utf8");
    expect(JSON.parse(raw).detail).toEqual({ id: "no uuid" });
  });
});
