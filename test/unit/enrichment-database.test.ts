import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import {
  BrokenDatabaseError,
  EnrichmentDatabase,
} from "../../shared/integrations/ip-enrichment/enrichment-database.ts";
import { encode, mmdbFile, pointerTo } from "../mmdb-file.ts";

const REAL = createRequire(import.meta.url).resolve(
  "@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb",
);

const GERMANY = { country: "DE" };

describe("OriginDatabase", () => {
  it.each([24, 28, 32] as const)("reads nodes with %i bits per record", (recordBits) => {
    const records = { "203.0.113.0/24": { country: { iso_code: "DE" } } };
    const database = new EnrichmentDatabase(mmdbFile(records, { recordBits }));
    expect(database.find("203.0.113.9")).toEqual(GERMANY);
    expect(database.find("203.0.114.9")).toBeUndefined();
    expect(database.metadata).toMatchObject({ type: "Test", ipVersion: 6 });
  });

  it("finds IPv4 addresses in an IPv6 tree and no IPv6 addresses in an IPv4 tree", () => {
    const records = { "32.0.0.0/4": { country_code: "DE" } };
    const six = new EnrichmentDatabase(
      mmdbFile({ ...records, "2001:db8::/32": { country_code: "FR" } }),
    );
    expect(six.find("32.1.13.184")).toEqual(GERMANY);
    expect(six.find("2001:db8::1")).toEqual({ country: "FR" });
    const four = new EnrichmentDatabase(mmdbFile(records, { ipVersion: 4 }));
    expect(four.find("32.1.13.184")).toEqual(GERMANY);
    // This address starts with the same bits as 32.1.13.184.
    expect(four.find("2001:db8::1")).toBeUndefined();
  });

  it("follows pointers", () => {
    const first = encode({ country_code: "DE" });
    const records = { "203.0.113.0/24": first, "198.51.100.0/24": pointerTo(0) };
    expect(new EnrichmentDatabase(mmdbFile(records)).find("198.51.100.7")).toEqual(GERMANY);
  });

  it("finds well-known addresses in a published database", () => {
    const database = new EnrichmentDatabase(readFileSync(REAL));
    expect(database.metadata.buildEpochSeconds).toBeGreaterThan(1_600_000_000);
    expect(database.find("193.0.6.139")).toMatchObject({ country: "NL" });
    expect(database.find("2001:67c:2e8:22::c100:68b")).toMatchObject({ country: "NL" });
    expect(database.find("10.0.0.1")).toBeUndefined();
  });

  const good = mmdbFile({
    "203.0.113.0/24": { country: { iso_code: "DE" }, text: "x".repeat(400) },
  });

  it.each([
    ["empty", Buffer.alloc(0)],
    ["text", Buffer.from("<html>Not found</html>")],
    ["compressed", Buffer.from([0x1f, 0x8b, 8, 0, 0, 0])],
    ["truncated in the middle", good.subarray(0, good.length / 2)],
    ["truncated in its metadata", good.subarray(0, -20)],
    ["without its beginning", good.subarray(-400)],
    ["of another version", mmdbFile({}, { metadata: { binary_format_major_version: 3 } })],
    ["with an unknown record size", mmdbFile({}, { metadata: { record_size: 26 } })],
    ["with an unknown IP version", mmdbFile({}, { metadata: { ip_version: 5 } })],
    [
      "with fewer nodes than its metadata says",
      mmdbFile({}, { metadata: { node_count: 4_000_000 } }),
    ],
    ["with text as metadata", Buffer.from("\xab\xcd\xefMaxMind.com\x43abc", "latin1")],
  ])("rejects an invalid file: %s", (_, bytes) => {
    expect(() => new EnrichmentDatabase(bytes)).toThrow(BrokenDatabaseError);
  });

  it.each([
    ["that contains itself", { "10.0.0.0/24": pointerTo(0) }],
    ["of an unknown type", { "10.0.0.0/24": Buffer.from([0, 200]) }],
    ["that points outside the file", { "10.0.0.0/24": pointerTo(4_000_000_000) }],
  ])("throws for a record %s but still finds other records", (_, records) => {
    const database = new EnrichmentDatabase(
      mmdbFile({ ...records, "203.0.113.0/24": { country_code: "DE" } }),
    );
    expect(() => database.find("10.0.0.1")).toThrow();
    expect(database.find("203.0.113.9")).toEqual(GERMANY);
  });
});
