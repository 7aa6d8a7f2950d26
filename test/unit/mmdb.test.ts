import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import fc from "fast-check";
import { Reader, type Response } from "mmdb-lib";
import { describe, expect, it } from "vitest";
import { bytesOf } from "../../shared/envelope/ip-block.ts";
import { Mmdb, MmdbError } from "../../shared/origins/mmdb.ts";
import { encode, headOf, mmdbFile, pointerTo } from "../mmdb-file.ts";

const REAL = createRequire(import.meta.url).resolve(
  "@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb",
);

const look = (database: Mmdb, ip: string): unknown => {
  const place = database.find(bytesOf(ip) ?? []);
  return place === undefined ? undefined : database.read(place);
};

const RECORD = {
  country: { iso_code: "DE", names: { en: "Germany", "zh-CN": "德国" } },
  location: { latitude: 51.2993, longitude: -9.491 },
  traits: { autonomous_system_number: 64496, is_anonymous: true },
  list: [1, 300, 70_000, 5_000_000_000, "x".repeat(300), "y".repeat(70_000).slice(0, 40_000)],
};

describe("a database in the MaxMind DB format", () => {
  it.each([24, 28, 32] as const)("is read with nodes of %i bits a record", (recordBits) => {
    const database = new Mmdb(mmdbFile({ "203.0.113.0/24": RECORD }, { recordBits }));
    expect(look(database, "203.0.113.9")).toEqual(RECORD);
    expect(look(database, "203.0.114.9")).toBeUndefined();
    expect(database.metadata).toMatchObject({ type: "Test", ipVersion: 6, recordBits });
  });

  it("finds IPv4 in a tree of IPv6, mapped addresses too, and no IPv6 in a tree of IPv4", () => {
    const records = { "203.0.113.0/24": { country_code: "DE" } };
    const six = new Mmdb(mmdbFile({ ...records, "2001:db8::/32": { country_code: "FR" } }));
    expect(look(six, "::ffff:203.0.113.9")).toEqual({ country_code: "DE" });
    expect(look(six, "2001:db8::1")).toEqual({ country_code: "FR" });
    const four = new Mmdb(mmdbFile(records, { ipVersion: 4 }));
    expect(look(four, "203.0.113.9")).toEqual({ country_code: "DE" });
    expect(look(four, "2001:db8::1")).toBeUndefined();
  });

  it("follows pointers", () => {
    const first = encode({ country_code: "DE" });
    const database = new Mmdb(
      mmdbFile({ "203.0.113.0/24": first, "198.51.100.0/24": pointerTo(0) }),
    );
    expect(look(database, "198.51.100.7")).toEqual({ country_code: "DE" });
  });

  it("has the same records as another reader, for a published table and any address", () => {
    const bytes = readFileSync(REAL);
    const database = new Mmdb(bytes);
    const other = new Reader<Response>(bytes);
    expect(database.metadata.buildEpochSeconds).toBe(other.metadata.buildEpoch.getTime() / 1000);
    let found = 0;
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (ip) => {
        const record = look(database, ip);
        if (record !== undefined) found += 1;
        expect(record ?? null).toEqual(other.get(ip));
      }),
      { numRuns: 2000 },
    );
    expect(found).toBeGreaterThan(100);
  });
});

describe("a file that is no database", () => {
  const good = mmdbFile({ "203.0.113.0/24": RECORD });

  it.each([
    ["empty", Buffer.alloc(0)],
    ["text", Buffer.from("<html>Not found</html>")],
    ["compressed", Buffer.from([0x1f, 0x8b, 8, 0, 0, 0])],
    ["cut in the middle", good.subarray(0, good.length / 2)],
    ["cut before its metadata ends", good.subarray(0, -20)],
    ["without its beginning", good.subarray(-400)],
    ["of another version", mmdbFile({}, { metadata: { binary_format_major_version: 3 } })],
    ["of odd nodes", mmdbFile({}, { metadata: { record_size: 26 } })],
    ["of more nodes than it has", mmdbFile({}, { metadata: { node_count: 4_000_000 } })],
    ["whose metadata is text", Buffer.from("\xab\xcd\xefMaxMind.com\x43abc", "latin1")],
  ])("is refused: %s", (_, bytes) => {
    expect(() => new Mmdb(bytes)).toThrow(MmdbError);
  });
});

describe("a hostile record", () => {
  /** Each map has two members that lead to the next: 2^40 values for a reader that counts none. */
  const doubling = () => {
    const records: Record<string, Buffer> = {};
    let place = 0;
    for (let level = 0; level < 30; level += 1) {
      const size = 1 + 2 + 5 + 2 + 5;
      const next = pointerTo(place + size);
      const record = Buffer.concat([headOf("map", 2), encode("a"), next, encode("b"), next]);
      records[`10.0.${level}.0/24`] = record;
      place += size;
    }
    return { ...records, "10.1.0.0/16": encode("end") };
  };

  it.each([
    ["that doubles at each level", doubling()],
    ["that contains itself", { "10.0.0.0/24": pointerTo(0) }],
    [
      "of sixteen million members",
      { "10.0.0.0/24": Buffer.concat([headOf("array", 16_000_000), Buffer.alloc(8000, 0x40)]) },
    ],
    ["of a text longer than the file", { "10.0.0.0/24": Buffer.from([0x5f, 0xff, 0xff, 0xff]) }],
    ["of an unknown type", { "10.0.0.0/24": Buffer.from([0, 200]) }],
    ["whose key is no text", { "10.0.0.0/24": Buffer.concat([headOf("map", 1), encode(7)]) }],
    ["that leads out of the file", { "10.0.0.0/24": pointerTo(4_000_000_000) }],
  ])("is refused at once: %s", (_, records) => {
    const database = new Mmdb(mmdbFile(records));
    expect(() => look(database, "10.0.0.1")).toThrow(MmdbError);
  });

  it("changes no object, whatever its keys", () => {
    const record = { ["__proto__"]: { polluted: true }, country_code: "DE" };
    const bytes = mmdbFile({ "10.0.0.0/24": Buffer.concat([encode(record)]) });
    expect(look(new Mmdb(bytes), "10.0.0.1")).toMatchObject({ country_code: "DE" });
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it("never makes a reader throw anything else, wherever bytes of a good file are changed", () => {
    const good = mmdbFile({ "203.0.113.0/24": { country_code: "DE", list: [1, { a: "b" }] } });
    const changes = fc.array(fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(changes, (all) => {
        const bytes = Buffer.from(good);
        for (const [at, value] of all) bytes[at] = value;
        try {
          look(new Mmdb(bytes), "203.0.113.9");
        } catch (error) {
          expect(error instanceof MmdbError || error instanceof RangeError).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
