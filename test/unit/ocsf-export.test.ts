import type {
  Context,
  FirehoseTransformationEvent,
  FirehoseTransformationResult,
} from "aws-lambda";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { createEvent, detailType, EVENT_SOURCE } from "../../shared/events/oauth-event.ts";
import { writeConfigFile } from "../config-file.ts";
import { ocsfEventSchema } from "./ocsf-schema.ts";

let transform: (records: readonly unknown[]) => Promise<FirehoseTransformationResult["records"]>;

beforeAll(async () => {
  // The functions read their configuration when they are loaded.
  vi.resetModules();
  vi.stubEnv("LAMBDA_TASK_ROOT", writeConfigFile({ realm: "shop" }));
  vi.stubEnv("POWERTOOLS_LOG_LEVEL", "SILENT");
  const { handler } = await import("../../functions/ocsf-export/handler.ts");
  transform = async (records) => {
    const event: FirehoseTransformationEvent = {
      invocationId: "invocationIdExample",
      deliveryStreamArn: "arn:aws:firehose:us-east-1:123456789012:deliverystream/export",
      region: "us-east-1",
      records: records.map((record, index) => ({
        recordId: `4954668${index}`,
        approximateArrivalTimestamp: 1763892000000,
        data: Buffer.from(typeof record === "string" ? record : JSON.stringify(record)).toString(
          "base64",
        ),
      })),
    };
    return (await handler(event, {} as Context)).records;
  };
});

/** Returns an event in the format that EventBridge delivers to a target. */
function busMessage(eventType: string, details = {}) {
  const detail = createEvent(
    { eventType, clientId: "app", details },
    Date.parse("2026-11-23T23:59:59.999Z"),
  );
  return {
    version: "0",
    id: "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
    "detail-type": detailType(eventType),
    source: EVENT_SOURCE,
    account: "123456789012",
    time: "2026-11-24T00:00:01Z",
    region: "us-east-1",
    resources: [],
    detail,
  };
}

const decode = (data: string | undefined) => Buffer.from(data ?? "", "base64").toString("utf8");

describe("OCSF export transformation", () => {
  it("returns one OCSF line per event with its partition keys", async () => {
    const records = await transform([busMessage("auth_failed"), busMessage("token_used")]);
    expect(records.map(({ recordId, result }) => [recordId, result])).toEqual([
      ["49546680", "Ok"],
      ["49546681", "Ok"],
    ]);
    expect(records.map(({ metadata }) => metadata)).toEqual([
      { partitionKeys: { class_uid: "3002", day: "2026-11-23" } },
      { partitionKeys: { class_uid: "6003", day: "2026-11-23" } },
    ]);
    for (const { data } of records) {
      const lines = decode(data).split("\n");
      expect(lines).toHaveLength(2);
      expect(lines[1]).toBe("");
      const event = ocsfEventSchema.parse(JSON.parse(lines[0] ?? ""));
      expect(JSON.stringify(event)).toContain('"service":{"name":"shop"}');
    }
  });

  it("drops a multi-record batch because the records arrive as separate events", async () => {
    const batch = (...records: object[]) => ({
      ...busMessage("auth_failed"),
      source: "oauth.entra",
      detail: { records },
    });
    const record = { category: "SignInLogs" };
    const records = await transform([batch(record, record), batch(record)]);
    expect(records.map(({ result }) => result)).toEqual(["Dropped", "Ok"]);
  });

  it("returns exactly one line for any caller-supplied text", async () => {
    const [record] = await transform([
      busMessage("token_used", { user_agent: "a\nb\r\u2028c", ip: "::1" }),
    ]);
    expect(decode(record?.data).trimEnd()).not.toContain("\n");
    expect(JSON.parse(decode(record?.data)).http_request.user_agent).toBe("a\nb\r\u2028c");
  });

  it("replaces a secret with its digest", async () => {
    const message = busMessage("token_used");
    const detail = { ...message.detail, event_data: { access_token: "plain-secret" } };
    const [record] = await transform([{ ...message, detail }]);
    expect(record?.result).toBe("Ok");
    expect(decode(record?.data)).not.toContain("plain-secret");
    expect(decode(record?.data)).toContain("sha256:");
  });

  it("fails only records that aren't events and returns those unchanged", async () => {
    const noEvent = { ...busMessage("token_used"), detail: { id: "1" } };
    const foreign = { ...busMessage("token_used"), source: "aws.ec2" };
    const records = await transform([
      "{not json",
      noEvent,
      foreign,
      busMessage("token_used"),
      "\u0000",
    ]);
    expect(records.map(({ result }) => result)).toEqual([
      "ProcessingFailed",
      "ProcessingFailed",
      "ProcessingFailed",
      "Ok",
      "ProcessingFailed",
    ]);
    expect(decode(records[0]?.data)).toBe("{not json");
    expect(JSON.parse(decode(records[1]?.data))).toEqual(noEvent);
  });

  it("returns less than Lambda's 6 MB for a full Firehose batch", async () => {
    // Uses the smallest possible events: most of them fit in a megabyte, and they grow most in the
    // transformation.
    const message = busMessage("a");
    const count = Math.ceil(2 ** 20 / JSON.stringify(message).length);
    const records = await transform(Array.from({ length: count }, () => message));
    expect(JSON.stringify({ records }).length).toBeLessThan(6 * 2 ** 20);
  });
});
