import { describe, expect, it } from "vitest";
import {
  type MonitoringConfigInput,
  parseMonitoringConfig,
} from "../../shared/config/monitoring-config.ts";
import { MAX_EVENT_DATA_BYTES } from "../../shared/events/event-data.ts";
import { createEvent } from "../../shared/events/oauth-event.ts";
import { countryCode, toOrigin } from "../../shared/events/origin.ts";
import {
  OriginDatabase,
  originOfRecord,
} from "../../shared/integrations/ip-enrichment/origin-database.ts";
import { addOrigin, Origins } from "../../shared/integrations/ip-enrichment/origins.ts";
import { mmdbFile } from "../mmdb-file.ts";

const NOW_MS = Date.parse("2026-11-25T12:00:00.000Z");

type Networks = NonNullable<NonNullable<MonitoringConfigInput["origins"]>["networks"]>;

const networksOf = (networks: Networks) =>
  parseMonitoringConfig({ origins: { networks } }).origins.networks;

const event = (details: Record<string, unknown>) =>
  createEvent({ eventType: "token_used", clientId: "web", details }, NOW_MS);

describe("countryCode", () => {
  it.each([
    ["DE", "DE"],
    ["de", "DE"],
    ["UK", "GB"],
    ["Germany", "DE"],
    ["United States", "US"],
    ["the Netherlands", "NL"],
    ["Côte d’Ivoire", "CI"],
    ["Cote d'Ivoire", "CI"],
    ["Türkiye", "TR"],
    ["South Korea", "KR"],
    ["Hong Kong", "HK"],
    ["Bosnia & Herzegovina", "BA"],
    ["Bosnia and Herzegovina", "BA"],
  ])("converts %s to %s", (text, code) => {
    expect(countryCode(text)).toBe(code);
  });

  it.each(["", "EU", "ZZ", "A1", "Atlantis", "Europe", "x".repeat(100), 49, null, {}])(
    "returns undefined for %j",
    (text) => {
      expect(countryCode(text)).toBeUndefined();
    },
  );
});

describe("toOrigin", () => {
  it("reads the formats used by providers and databases", () => {
    expect(
      toOrigin({
        country: "Germany",
        asn: "AS64496",
        operator: " Example\u0000Telecom ",
        kind: "VPN",
        latitude: "52.5163",
        longitude: 13.3777,
      }),
    ).toEqual({
      country: "DE",
      asn: 64496,
      operator: "Example Telecom",
      kind: "vpn",
      latitude: 52.5,
      longitude: 13.4,
    });
  });

  it("drops invalid fields and incomplete or meaningless coordinates", () => {
    expect(toOrigin({ country: "Atlantis", asn: "many", operator: 7, kind: "boat" })).toBe(
      undefined,
    );
    expect(toOrigin({ country: "DE", latitude: 52.5 })).toEqual({ country: "DE" });
    expect(toOrigin({ country: "DE", latitude: 0, longitude: 0 })).toEqual({ country: "DE" });
    expect(toOrigin({ country: "DE", latitude: 91, longitude: 10 })).toEqual({ country: "DE" });
    expect(toOrigin({ asn: 0 })).toBeUndefined();
  });

  it("shortens a long name and redacts tokens in it", () => {
    expect(toOrigin({ operator: "x".repeat(5000) })?.operator).toHaveLength(100);
    const secret = `oam_${"a".repeat(43)}`;
    expect(JSON.stringify(toOrigin({ operator: `Net ${secret}` }))).not.toContain(secret);
  });
});

describe("originOfRecord", () => {
  it.each([
    [
      "a country of MaxMind",
      {
        country: { iso_code: "DE", names: { en: "Germany" } },
        registered_country: { iso_code: "US" },
      },
      { country: "DE" },
    ],
    ["a registered country", { registered_country: { iso_code: "US" } }, { country: "US" }],
    [
      "a city of MaxMind",
      { country: { iso_code: "DE" }, location: { latitude: 52.5163, longitude: 13.3777 } },
      { country: "DE", latitude: 52.5, longitude: 13.4 },
    ],
    [
      "an ASN of MaxMind",
      { autonomous_system_number: 64496, autonomous_system_organization: "Example" },
      { asn: 64496, operator: "Example" },
    ],
    [
      "an anonymous IP of MaxMind",
      { is_anonymous: true, is_anonymous_vpn: true, is_hosting_provider: true },
      { kind: "vpn" },
    ],
    ["a Tor exit", { is_tor_exit_node: true, is_public_proxy: true }, { kind: "tor" }],
    [
      "an enterprise record of MaxMind",
      {
        country: { iso_code: "FR" },
        traits: {
          autonomous_system_number: 64497,
          autonomous_system_organization: "Ex",
          is_hosting_provider: true,
        },
      },
      { country: "FR", asn: 64497, operator: "Ex", kind: "hosting" },
    ],
    ["a country of ip-location-db", { country_code: "JP" }, { country: "JP" }],
    [
      "a city of ip-location-db",
      { country_code: "JP", city: "Tokyo", latitude: 35.68, longitude: 139.69 },
      { country: "JP", latitude: 35.7, longitude: 139.7 },
    ],
    [
      "a record of IPinfo",
      { country: "US", country_name: "United States", asn: "AS64496", as_name: "Example LLC" },
      { country: "US", asn: 64496, operator: "Example LLC" },
    ],
    [
      "a record of IPinfo's privacy",
      { hosting: "true", proxy: "", tor: "", vpn: "" },
      { kind: "hosting" },
    ],
    [
      "a location of IPinfo",
      { country: "US", loc: "37.4056,-122.0775" },
      { country: "US", latitude: 37.4, longitude: -122.1 },
    ],
  ])("reads %s", (_, record, origin) => {
    expect(originOfRecord(record)).toEqual(origin);
  });

  it.each([undefined, null, 7, "DE", [], {}, { country: { iso_code: 7 } }, { asn: {} }])(
    "finds nothing in %j",
    (record) => {
      expect(originOfRecord(record)).toBeUndefined();
    },
  );
});

describe("Origins", () => {
  const database = new OriginDatabase(
    mmdbFile({
      "203.0.113.0/24": {
        country_code: "FR",
        autonomous_system_number: 64500,
        autonomous_system_organization: "Example SA",
        latitude: 48.86,
        longitude: 2.35,
      },
      "198.51.100.0/24": { country_code: "US", autonomous_system_number: 16509 },
    }),
  );

  it("uses the most specific declared network and fills in missing fields from the database", () => {
    const origins = new Origins(
      networksOf([
        { cidr: ["203.0.0.0/16", "10.0.0.0/8"], operator: "Wide" },
        { cidr: "203.0.113.0/28", operator: "Office Berlin", kind: "vpn" },
      ]),
      database,
    );
    expect(origins.of("203.0.113.9")).toMatchObject({
      operator: "Office Berlin",
      country: "FR",
      asn: 64500,
    });
    expect(origins.of("203.0.113.99")).toMatchObject({ operator: "Wide", country: "FR" });
    expect(origins.of("10.1.2.3")).toEqual({ operator: "Wide" });
  });

  it("drops the database's coordinates when a better source names a different country", () => {
    const origins = new Origins(networksOf([{ cidr: "203.0.113.0/28", country: "DE" }]), database);
    expect(origins.of("203.0.113.9")).toEqual({
      country: "DE",
      asn: 64500,
      operator: "Example SA",
    });
    expect(origins.of("203.0.113.99", { country: "GB" })?.latitude).toBeUndefined();
    expect(origins.of("203.0.113.99")).toMatchObject({ latitude: 48.9, longitude: 2.4 });
  });

  it("drops an operator that belongs to a different autonomous system than the chosen one", () => {
    const origins = new Origins([], database);
    expect(origins.of("203.0.113.99", { asn: 64511 })).toMatchObject({ asn: 64511, country: "FR" });
    expect(origins.of("203.0.113.99", { asn: 64511 })).not.toHaveProperty("operator");
    expect(origins.of("203.0.113.99", { asn: 64500 })?.operator).toBe("Example SA");
  });

  it("uses the declared kind of an autonomous system and marks known clouds as hosting", () => {
    const origins = new Origins(networksOf([{ asn: [64500, 64501], kind: "hosting" }]), database);
    expect(origins.of("203.0.113.9")).toMatchObject({ operator: "Example SA", kind: "hosting" });
    expect(origins.of("198.51.100.7")).toEqual({ country: "US", asn: 16509, kind: "hosting" });
    expect(origins.of(undefined, { asn: 64501 })).toEqual({ asn: 64501, kind: "hosting" });
    const own = new Origins(networksOf([{ asn: 16509, kind: "vpn" }]), database);
    expect(own.of("198.51.100.7")?.kind).toBe("vpn");
  });

  it.each(["", "localhost", "203.0.113.999", "fe80::1%eth0", "AWS Internal", "x".repeat(1000)])(
    "finds nothing for %j",
    (ip) => {
      expect(new Origins([], database).of(ip)).toBeUndefined();
    },
  );
});

describe("addOrigin", () => {
  const origins = new Origins(
    networksOf([{ cidr: "203.0.113.0/24", country: "DE", operator: "Office" }]),
  );

  it("adds enrichment for the address and keeps values that the event already contains", () => {
    const plain = event({ ip: "203.0.113.9" });
    expect(addOrigin(plain, origins)).toEqual({
      ...plain,
      event_data: { ip: "203.0.113.9", origin: { country: "DE", operator: "Office" } },
    });
    const said = event({ ip: "203.0.113.9", origin: { country: "AT", asn: "odd" } });
    expect(addOrigin(said, origins).event_data.origin).toEqual({
      country: "AT",
      operator: "Office",
    });
  });

  it("leaves an event unchanged when nothing is known about the address", () => {
    for (const details of [
      {},
      { ip: "192.0.2.1" },
      { ip: 7 },
      { ip: "192.0.2.1", origin: "odd" },
    ]) {
      const plain = event(details);
      expect(addOrigin(plain, origins)).toBe(plain);
    }
  });

  it("omits the enrichment when it would make the event too large", () => {
    const room = MAX_EVENT_DATA_BYTES - Buffer.byteLength('{"ip":"203.0.113.9","text":""}');
    const full = event({ ip: "203.0.113.9", text: "x".repeat(room - 10) });
    expect(addOrigin(full, origins)).toBe(full);
    const fits = event({ ip: "203.0.113.9", text: "x".repeat(room - 100) });
    expect(addOrigin(fits, origins).event_data.origin).toBeDefined();
  });
});

describe("origins in the configuration", () => {
  it.each([
    [{ networks: [{}] }, /a network needs cidr or asn/],
    [{ networks: [{ cidr: "203.0.113.0/24" }] }, /does not describe its addresses/],
    [{ networks: [{ cidr: "203.0.113.0/24", asn: [1, 2] }] }, /can have only one asn/],
    [
      { networks: [{ cidr: ["203.0.113.0/24", "10.0.0.0/4"], kind: "vpn" }] },
      /Use a prefix of \/8 or longer/,
    ],
    [{ networks: [{ cidr: 7, kind: "vpn" }] }, /a network, or a list of them/],
    [{ networks: [{ cidr: "somewhere", country: "DE" }] }, /a network such as 203\.0\.113\.0\/24/],
    [{ networks: [{ cidr: "203.0.113.0/24", country: "ZZ" }] }, /unknown country code ZZ/],
    [
      { networks: [{ cidr: "203.0.113.0/24", country: "Germany" }] },
      /origins\.networks\.0\.country/,
    ],
    [{ databases: ["../country.mmdb"] }, /a file name such as country\.mmdb/],
    [{ databases: ["a.mmdb", "a.mmdb"] }, /the same name/],
  ])("rejects %j", (origins, message) => {
    expect(() => parseMonitoringConfig({ origins } as MonitoringConfigInput)).toThrow(message);
  });
});
