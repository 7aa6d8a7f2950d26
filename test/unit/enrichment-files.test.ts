import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { enrichmentPut } from "../../cli/commands/enrichment.ts";
import { run } from "../../cli/main.ts";
import { createS3Endpoint, LocalBuckets } from "../../local/services/buckets.ts";
import { Template } from "../../local/services/template.ts";
import { parseMonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { HOUR_MS, MINUTE_MS } from "../../shared/core/clock.ts";
import type { Logger } from "../../shared/core/telemetry.ts";
import { bucketFiles } from "../../shared/integrations/ip-enrichment/bucket-files.ts";
import { DatabaseFiles } from "../../shared/integrations/ip-enrichment/database-files.ts";
import { LOCAL_ACCESS } from "../../shared/stack/local-stack-file.ts";
import type { Target } from "../../shared/stack/open-stack.ts";
import { mmdbFile } from "../mmdb-file.ts";

const BUCKET = "enrichment-databases";
const directory = mkdtempSync(join(tmpdir(), "oauth-monitoring-enrichment-"));
writeFileSync(
  join(directory, "Files.template.json"),
  JSON.stringify({ Resources: { [BUCKET]: { Type: "AWS::S3::Bucket" } } }),
);
const template = new Template({ directory, stackName: "Files" }, "http://127.0.0.1:1");
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(server: Server) {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { ...LOCAL_ACCESS, endpoint, maxAttempts: 1 };
}

const ADDRESS = "203.0.113.9";
const country = (code: string) => mmdbFile({ "203.0.113.0/24": { country_code: code } });

let nowMs: number;
let lines: { readonly level: string; readonly message: string; readonly extra: unknown }[];
let logger: Logger;
let buckets: LocalBuckets;
beforeEach(() => {
  nowMs = Date.parse("2026-11-25T12:00:00.000Z");
  lines = [];
  const log =
    (level: string) =>
    (message: string, ...extra: Record<string, unknown>[]) =>
      void lines.push({ level, message, extra: extra[0] });
  logger = { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
  buckets = new LocalBuckets(template, undefined);
});

const warnings = () => lines.filter(({ level }) => level === "warn");

function open(store: ReturnType<typeof bucketFiles>, ...names: string[]): DatabaseFiles {
  return new DatabaseFiles({ names, store, clock: () => nowMs, logger });
}

/** Opens database files on the local S3 and records the requests. */
async function localFiles(...names: string[]) {
  const requests: string[] = [];
  const s3 = createS3Endpoint(() => buckets);
  s3.prependListener("request", ({ method, url }) => requests.push(`${method} ${url}`));
  return { files: open(bucketFiles(BUCKET, await listen(s3)), ...names), requests };
}

/** Opens database files on an S3 server that uses the given request listener. */
async function listFiles(listener: RequestListener, fetchMs = 2000) {
  const config = await listen(createServer(listener));
  return open(bucketFiles(BUCKET, config, fetchMs), "country.mmdb");
}

describe("DatabaseFiles", () => {
  it("fetches databases once and checks hourly for changes", async () => {
    const { files, requests } = await localFiles("country.mmdb");
    buckets.put(BUCKET, "country.mmdb", country("DE"));
    await files.refresh();
    await files.refresh();
    expect(files.find(ADDRESS)).toEqual({ country: "DE" });
    expect(requests).toHaveLength(1);

    nowMs += HOUR_MS;
    await files.refresh();
    expect(requests).toHaveLength(2);
    expect(lines.filter(({ message }) => message.includes("loaded"))).toHaveLength(1);

    buckets.put(BUCKET, "country.mmdb", country("FR"));
    nowMs += HOUR_MS - 1;
    await files.refresh();
    expect(files.find(ADDRESS)).toEqual({ country: "DE" });
    nowMs += 1;
    await files.refresh();
    expect(files.find(ADDRESS)).toEqual({ country: "FR" });
    expect(warnings()).toEqual([]);
  });

  it("combines several databases and takes each field from the first database that has it", async () => {
    const { files } = await localFiles("country.mmdb", "asn.mmdb");
    buckets.put(BUCKET, "country.mmdb", country("DE"));
    const asn = { country_code: "FR", autonomous_system_number: 64496 };
    buckets.put(BUCKET, "asn.mmdb", mmdbFile({ "203.0.113.0/24": asn }));
    await files.refresh();
    expect(files.find(ADDRESS)).toEqual({ country: "DE", asn: 64496 });
  });

  it("omits coordinates that belong to a different country than the chosen one", async () => {
    const { files } = await localFiles("country.mmdb", "city.mmdb");
    buckets.put(BUCKET, "country.mmdb", country("DE"));
    const city = { country_code: "FR", latitude: 48.9, longitude: 2.4 };
    buckets.put(BUCKET, "city.mmdb", mmdbFile({ "203.0.113.0/24": city }));
    await files.refresh();
    expect(files.find(ADDRESS)).toEqual({ country: "DE" });
  });

  it("warns once about a missing database and stops using a database that was deleted", async () => {
    const { files } = await localFiles("country.mmdb");
    await files.refresh();
    nowMs += HOUR_MS;
    await files.refresh();
    expect(files.find(ADDRESS)).toBeUndefined();
    expect(warnings()).toEqual([
      expect.objectContaining({
        message: "An IP database is not in the bucket. Upload it",
        extra: expect.objectContaining({ database: "country.mmdb" }),
      }),
    ]);
    buckets.put(BUCKET, "country.mmdb", country("DE"));
    nowMs += HOUR_MS;
    await files.refresh();
    expect(files.find(ADDRESS)).toEqual({ country: "DE" });
    buckets = new LocalBuckets(template, undefined);
    nowMs += HOUR_MS;
    await files.refresh();
    expect(files.find(ADDRESS)).toBeUndefined();
  });

  it.each([
    ["not a database", Buffer.from("<html>"), /no metadata/],
    ["truncated", country("FR").subarray(0, -10), /the file is truncated or corrupt/],
    ["empty", Buffer.alloc(0), /no metadata/],
  ])("keeps the previous database when the new file is %s", async (_, bytes, cause) => {
    const { files, requests } = await localFiles("country.mmdb");
    buckets.put(BUCKET, "country.mmdb", country("DE"));
    await files.refresh();
    buckets.put(BUCKET, "country.mmdb", bytes);
    nowMs += HOUR_MS;
    await files.refresh();
    expect(files.find(ADDRESS)).toEqual({ country: "DE" });
    expect(JSON.stringify(warnings()[0])).toMatch(cause);
    nowMs += HOUR_MS;
    await files.refresh();
    expect(warnings()).toHaveLength(1);
    expect(requests).toHaveLength(3);
  });

  it("warns once about corrupt records and returns nothing for the addresses they cover", async () => {
    const { files } = await localFiles("country.mmdb");
    buckets.put(BUCKET, "country.mmdb", mmdbFile({ "203.0.113.0/24": Buffer.from([0, 200]) }));
    await files.refresh();
    for (let call = 0; call < 3; call += 1) expect(files.find(ADDRESS)).toBeUndefined();
    expect(warnings()).toHaveLength(1);
  });

  const xml = (code: string) => `<?xml version="1.0"?><Error><Code>${code}</Code></Error>`;

  it.each<[string, RequestListener]>([
    ["denies access", (_, response) => response.writeHead(403).end(xml("AccessDenied"))],
    ["throttles", (_, response) => response.writeHead(503).end(xml("SlowDown"))],
    ["fails", (_, response) => response.writeHead(500).end("oh")],
    ["closes the connection", (_, response) => response.destroy()],
    [
      "truncates the object",
      (_, response) => {
        response.writeHead(200, { "Content-Length": 1000, ETag: '"a"' }).write("half");
        setTimeout(() => response.destroy(), 20);
      },
    ],
    [
      "returns an object that is too large",
      (_, response) => {
        response.writeHead(200, { "Content-Length": 200 << 20, ETag: '"a"' }).write("x");
      },
    ],
  ])("retries after five minutes when S3 %s", async (_, listener) => {
    let broken = true;
    let requests = 0;
    const files = await listFiles((request, response) => {
      requests += 1;
      if (broken) listener(request, response);
      else {
        const bytes = country("DE");
        response.writeHead(200, { ETag: '"b"', "Content-Length": bytes.length }).end(bytes);
      }
    });
    await files.refresh();
    await files.refresh();
    expect(requests).toBe(1);
    expect(files.find(ADDRESS)).toBeUndefined();
    expect(warnings()).toHaveLength(1);
    broken = false;
    nowMs += 5 * MINUTE_MS;
    await files.refresh();
    expect(files.find(ADDRESS)).toEqual({ country: "DE" });
  });

  it("gives up when S3 doesn't respond or stops mid-response", async () => {
    const hanging: RequestListener[] = [
      () => {},
      (_, response) => void response.writeHead(200, { "Content-Length": 1000 }).write("half"),
    ];
    for (const listener of hanging) {
      const files = await listFiles(listener, 100);
      await files.refresh();
      expect(files.find(ADDRESS)).toBeUndefined();
    }
    expect(warnings()).toHaveLength(2);
  });
});

describe("local S3", () => {
  const client = async () => new S3Client(await listen(createS3Endpoint(() => buckets)));
  const object = { Bucket: BUCKET, Key: "a/country.mmdb" };

  it("stores objects with an ETag for GET, HEAD and If-None-Match", async () => {
    const s3 = await client();
    const { ETag } = await s3.send(new PutObjectCommand({ ...object, Body: Buffer.from("abc") }));
    const found = await s3.send(new GetObjectCommand(object));
    expect(await found.Body?.transformToString()).toBe("abc");
    expect(found.ETag).toBe(ETag);
    expect((await s3.send(new HeadObjectCommand(object))).ContentLength).toBe(3);
    await expect(
      s3.send(new GetObjectCommand({ ...object, IfNoneMatch: ETag })),
    ).rejects.toMatchObject({ $metadata: { httpStatusCode: 304 } });
    await s3.send(new PutObjectCommand({ ...object, Body: Buffer.from("abcd") }));
    const changed = await s3.send(new GetObjectCommand({ ...object, IfNoneMatch: ETag }));
    expect(await changed.Body?.transformToString()).toBe("abcd");
  });

  it("keeps objects in its folder between runs", () => {
    new LocalBuckets(template, directory).put(BUCKET, "a/b.mmdb", Buffer.from("abc"));
    const again = new LocalBuckets(template, directory).get(BUCKET, "a/b.mmdb");
    expect(again?.bytes.toString()).toBe("abc");
  });

  it.each([
    ["a missing object", { ...object, Key: "no.mmdb" }, "NoSuchKey"],
    ["a missing bucket", { ...object, Bucket: "Other" }, "NoSuchBucket"],
    ["a key that leaves its folder", { ...object, Key: "a/../../b" }, "NotImplemented"],
  ])("responds like S3 to %s", async (_, input, name) => {
    await expect((await client()).send(new GetObjectCommand(input))).rejects.toMatchObject({
      name,
    });
  });

  it("rejects unsupported requests with an explanation", async () => {
    const s3 = await client();
    for (const command of [
      new DeleteObjectCommand(object),
      new ListObjectsV2Command({ Bucket: BUCKET }),
      new GetObjectCommand({ ...object, Range: "bytes=0-1" }),
      new PutObjectCommand({ ...object, Body: "abc", IfNoneMatch: "*" }),
    ]) {
      await expect(s3.send(command as GetObjectCommand)).rejects.toThrow(
        /The local S3 supports only GET, PUT and HEAD of whole objects/,
      );
    }
  });
});

describe("oauth-monitoring enrichment", () => {
  const getFile = (name: string, bytes: Buffer) => {
    const file = join(directory, name);
    writeFileSync(file, bytes);
    return file;
  };

  const toTarget = async (
    databases = ["country.mmdb"],
    ipEnrichmentBucket: string | undefined = BUCKET,
  ) =>
    ({
      ipEnrichmentBucket,
      config: parseMonitoringConfig({ ipEnrichment: { databases } }),
      s3: await listen(createS3Endpoint(() => buckets)),
    }) as unknown as Target;

  const everywhere = mmdbFile({ "0.0.0.0/1": { country_code: "DE" } }, { type: "Example-Country" });

  it("summarizes a database and uploads it", async () => {
    const file = getFile("Example.mmdb", everywhere);
    const { text, json } = await enrichmentPut(await toTarget(), file, { as: "country.mmdb" });
    expect(text).toMatch(/Type: +Example-Country\nBuilt: +2025-11-24T16:00:00\.000Z/);
    expect(text).toMatch(/Coverage: +geo\.country_iso_code 57 % \(sample of 1768 IPv4 addresses\)/);
    expect(json).toMatchObject({ database: "country.mmdb", bytes: everywhere.length });
    expect(buckets.get(BUCKET, "country.mmdb")?.bytes).toEqual(everywhere);
  });

  it.each<[string, string, Buffer, string | undefined, RegExp]>([
    [
      "named differently",
      "other.mmdb",
      everywhere,
      undefined,
      /ipEnrichment\.databases has no other\.mmdb\. Use --as with one of country/,
    ],
    [
      "compressed",
      "country.mmdb",
      Buffer.from([0x1f, 0x8b, 8]),
      undefined,
      /compressed\. Extract it/,
    ],
    [
      "not a database",
      "country.mmdb",
      Buffer.from("x"),
      undefined,
      /no metadata of the MaxMind DB format/,
    ],
    [
      "broken",
      "country.mmdb",
      mmdbFile({ "0.0.0.0/1": Buffer.from([0, 200]) }),
      undefined,
      /corrupt records\. Download it again/,
    ],
  ])("refuses to upload a file that is %s", async (_, name, bytes, as, message) => {
    const target = await toTarget();
    const options = as === undefined ? {} : { as };
    await expect(enrichmentPut(target, getFile(name, bytes), options)).rejects.toThrow(message);
    expect(buckets.get(BUCKET, name)).toBeUndefined();
  });

  it("explains what to do when there is no bucket or the file is missing", async () => {
    const file = getFile("country.mmdb", everywhere);
    await expect(enrichmentPut(await toTarget([], ""), file, {})).rejects.toThrow(
      /Add their names to ipEnrichment\.databases/,
    );
    await expect(
      enrichmentPut(await toTarget(), join(directory, "country.no"), { as: "country.mmdb" }),
    ).rejects.toThrow(/the file .* does not exist/);
  });

  it("looks up an address in local files without needing a stack", async () => {
    const printed = vi.spyOn(console, "log").mockImplementation(() => {});
    const asn = getFile(
      "asn.mmdb",
      mmdbFile({ "0.0.0.0/1": { asn: "AS64496", as_name: "Example" } }),
    );
    const files = [getFile("country.mmdb", everywhere), asn];
    const argv = (ip: string) => [
      "node",
      "oauth-monitoring",
      "enrichment",
      "lookup",
      ip,
      "--json",
      "--database",
      ...files,
    ];
    expect(await run(argv("8.8.8.8"))).toBe(0);
    expect(JSON.parse(String(printed.mock.lastCall?.[0]))).toMatchObject({
      geo: { country_iso_code: "DE" },
      autonomous_system: { number: 64496, organization: "Example" },
      databases: [{ record: { country_code: "DE" } }, { record: { asn: "AS64496" } }],
    });
    expect(await run(argv("200.8.8.8"))).toBe(0);
    expect(JSON.parse(String(printed.mock.lastCall?.[0]))).not.toHaveProperty("geo");
    const logged = vi.spyOn(console, "error").mockImplementation(() => {});
    expect(await run(argv("nowhere"))).toBe(2);
    expect(logged.mock.lastCall?.[0]).toMatch(/nowhere is not an IPv4 or IPv6 address/);
    printed.mockRestore();
    logged.mockRestore();
  });
});
