import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { synthesize } from "../../infra/synthesize.ts";
import { trackEvent } from "../../shared/index.ts";
import { LOCAL_ACCESS } from "../../shared/stack/local-stack-file.ts";
import { mmdbFile } from "../mmdb-file.ts";
import { useStack } from "./stack.ts";

const directory = mkdtempSync(join(tmpdir(), "oauth-monitoring-enrichment-"));
const assembly = synthesize(directory, {
  ipEnrichment: {
    databases: ["country.mmdb", "asn.mmdb", "missing.mmdb"],
    networks: [
      { cidr: "198.51.100.0/24", country: "DE", organization: "Office", networkType: "vpn" },
    ],
  },
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const scene = useStack({ assembly: () => assembly });

/** Returns an S3 client that calls with a function's access key, so that its role applies. */
const createS3 = (accessKeyId: string) =>
  new S3Client({
    ...LOCAL_ACCESS,
    endpoint: scene().stack.s3Endpoint,
    credentials: { accessKeyId, secretAccessKey: "local" },
    maxAttempts: 1,
  });

const bucket = () =>
  scene().stack.functions.variables(scene().stack.named("function", "Subscriber"))
    .IP_ENRICHMENT_BUCKET;

describe("deployed IP enrichment", () => {
  beforeAll(async () => {
    const s3 = createS3("local");
    const put = (Key: string, Body: Buffer) =>
      s3.send(new PutObjectCommand({ Bucket: bucket(), Key, Body }));
    await put("country.mmdb", mmdbFile({ "203.0.113.0/24": { country_code: "FR" } }));
    await put(
      "asn.mmdb",
      mmdbFile({
        "203.0.113.0/24": {
          autonomous_system_number: 16509,
          autonomous_system_organization: "Example Cloud",
        },
      }),
    );
    const { get, caller, settle } = scene();
    for (const ip of ["203.0.113.9", "198.51.100.7", "192.0.2.1"]) {
      expect((await get("/api/hello", caller, { "x-forwarded-for": ip })).status).toBe(200);
    }
    await settle();
  });

  const getEvent = async (ip: string) =>
    (await scene().get(`/admin/oauth/events?ip=${ip}`, scene().admin)).body.events[0];

  it("enriches each event from the databases in the bucket and the configured networks", async () => {
    expect((await getEvent("203.0.113.9")).event_data).toMatchObject({
      geo: { country_iso_code: "FR" },
      autonomous_system: { number: 16509, organization: "Example Cloud" },
      network_type: "hosting",
    });
    expect((await getEvent("198.51.100.7")).event_data).toMatchObject({
      geo: { country_iso_code: "DE" },
      autonomous_system: { organization: "Office" },
      network_type: "vpn",
    });
    expect((await getEvent("192.0.2.1")).event_data.geo).toBeUndefined();
  });

  it("can filter the audit log, alone or combined with other filters", async () => {
    const list = async (query: string) => {
      const { status, body } = await scene().get(`/admin/oauth/events?${query}`, scene().admin);
      expect(status).toBe(200);
      return (body.events as { event_data: { ip: string } }[]).map(
        ({ event_data }) => event_data.ip,
      );
    };
    expect(await list("country=fr&type=token_used")).toEqual(["203.0.113.9"]);
    expect(await list("asn=AS16509&client_id=app")).toEqual(["203.0.113.9"]);
    expect(await list("network_type=vpn")).toEqual(["198.51.100.7"]);
    expect(await list("network_type=vpn&country=FR")).toEqual([]);
  });

  it("logs a missing database file and continues with the other files", async () => {
    const missing = scene().logs.filter((line) => line.includes("is not in the bucket"));
    expect(missing.length).toBeGreaterThan(0);
    expect(missing.every((line) => line.includes("missing.mmdb"))).toBe(true);
  });

  it("stays the same when an event is delivered again", async () => {
    const { library, settle, eventsByType } = scene();
    const event = await trackEvent(
      library,
      "token_used",
      { oauth_client_id: "app" },
      { ip: "203.0.113.50" },
    );
    await settle();
    const before = (await eventsByType()).token_used ?? 0;
    await library.sink.publish([event]);
    await settle();
    // The administrator's query itself also used the token.
    expect((await eventsByType()).token_used).toBe(before + 1);
    expect((await getEvent("203.0.113.50")).event_data.geo.country_iso_code).toBe("FR");
  });

  it("grants read access to the subscriber only, and write access to no function", async () => {
    const { stack } = scene();
    const subscriber = stack.named("function", "Subscriber");
    for (const name of stack.functionNames) {
      const s3 = [...stack.access.allowedTo(name)].filter((access) => access.startsWith("s3:"));
      expect(s3.length > 0, name).toBe(name === subscriber);
    }
    const write = new PutObjectCommand({ Bucket: bucket(), Key: "country.mmdb", Body: "x" });
    await expect(createS3(subscriber).send(write)).rejects.toMatchObject({ name: "AccessDenied" });
  });
});
