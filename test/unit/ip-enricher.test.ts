import { describe, expect, it } from "vitest";
import {
  type MonitoringConfigInput,
  parseMonitoringConfig,
} from "../../shared/config/monitoring-config.ts";
import { MAX_EVENT_DATA_BYTES } from "../../shared/events/event-data.ts";
import { countryCode, toEnrichment } from "../../shared/events/ip-enrichment.ts";
import { createEvent } from "../../shared/events/oauth-event.ts";
import {
  EnrichmentDatabase,
  parseDatabaseRecord,
} from "../../shared/integrations/ip-enrichment/enrichment-database.ts";
import { addEnrichment, IpEnricher } from "../../shared/integrations/ip-enrichment/ip-enricher.ts";
import { mmdbFile } from "../mmdb-file.ts";

const NOW_MS = Date.parse("2026-11-25T12:00:00.000Z");

type Networks = NonNullable<NonNullable<MonitoringConfigInput["ipEnrichment"]>["networks"]>;

const parseNetworks = (networks: Networks) =>
  parseMonitoringConfig({ ipEnrichment: { networks } }).ipEnrichment.networks;

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

describe("toEnrichment", () => {
  it("reads the formats used by providers and databases", () => {
    expect(
      toEnrichment({
        country: "Germany",
        asn: "AS64496",
        organization: " Example\u0000Telecom ",
        networkType: "VPN",
        latitude: "52.5163",
        longitude: 13.3777,
      }),
    ).toEqual({
      country: "DE",
      asn: 64496,
      organization: "Example Telecom",
      networkType: "vpn",
      latitude: 52.5,
      longitude: 13.4,
    });
  });

  it("drops invalid fields and incomplete or meaningless coordinates", () => {
    expect(
      toEnrichment({ country: "Atlantis", asn: "many", organization: 7, networkType: "boat" }),
    ).toBe(undefined);
    expect(toEnrichment({ country: "DE", latitude: 52.5 })).toEqual({ country: "DE" });
    expect(toEnrichment({ country: "DE", latitude: 0, longitude: 0 })).toEqual({ country: "DE" });
    expect(toEnrichment({ country: "DE", latitude: 91, longitude: 10 })).toEqual({ country: "DE" });
    expect(toEnrichment({ asn: 0 })).toBeUndefined();
  });

  it("shortens a long name and redacts tokens in it", () => {
    expect(toEnrichment({ organization: "x".repeat(5000) })?.organization).toHaveLength(100);
    const secret = `oam_${"a".repeat(43)}`;
    expect(JSON.stringify(toEnrichment({ organization: `Net ${secret}` }))).not.toContain(secret);
  });
});

describe("parseDatabaseRecord", () => {
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
      { asn: 64496, organization: "Example" },
    ],
    [
      "an anonymous IP of MaxMind",
      { is_anonymous: true, is_anonymous_vpn: true, is_hosting_provider: true },
      { networkType: "vpn" },
    ],
    ["a Tor exit", { is_tor_exit_node: true, is_public_proxy: true }, { networkType: "tor" }],
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
      { country: "FR", asn: 64497, organization: "Ex", networkType: "hosting" },
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
      { country: "US", asn: 64496, organization: "Example LLC" },
    ],
    [
      "a record of IPinfo's privacy",
      { hosting: "true", proxy: "", tor: "", vpn: "" },
      { networkType: "hosting" },
    ],
    [
      "a location of IPinfo",
      { country: "US", loc: "37.4056,-122.0775" },
      { country: "US", latitude: 37.4, longitude: -122.1 },
    ],
  ])("reads %s", (_, record, enrichment) => {
    expect(parseDatabaseRecord(record)).toEqual(enrichment);
  });

  it.each([undefined, null, 7, "DE", [], {}, { country: { iso_code: 7 } }, { asn: {} }])(
    "finds nothing in %j",
    (record) => {
      expect(parseDatabaseRecord(record)).toBeUndefined();
    },
  );
});

describe("IpEnricher", () => {
  const database = new EnrichmentDatabase(
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
    const enricher = new IpEnricher(
      parseNetworks([
        { cidr: ["203.0.0.0/16", "10.0.0.0/8"], organization: "Wide" },
        { cidr: "203.0.113.0/28", organization: "Office Berlin", networkType: "vpn" },
      ]),
      database,
    );
    expect(enricher.of("203.0.113.9")).toMatchObject({
      organization: "Office Berlin",
      country: "FR",
      asn: 64500,
    });
    expect(enricher.of("203.0.113.99")).toMatchObject({ organization: "Wide", country: "FR" });
    expect(enricher.of("10.1.2.3")).toEqual({ organization: "Wide" });
  });

  it("drops the database's coordinates when a better source names a different country", () => {
    const enricher = new IpEnricher(
      parseNetworks([{ cidr: "203.0.113.0/28", country: "DE" }]),
      database,
    );
    expect(enricher.of("203.0.113.9")).toEqual({
      country: "DE",
      asn: 64500,
      organization: "Example SA",
    });
    expect(enricher.of("203.0.113.99", { country: "GB" })?.latitude).toBeUndefined();
    expect(enricher.of("203.0.113.99")).toMatchObject({ latitude: 48.9, longitude: 2.4 });
  });

  it("drops an organization that belongs to a different autonomous system than the chosen one", () => {
    const enricher = new IpEnricher([], database);
    expect(enricher.of("203.0.113.99", { asn: 64511 })).toMatchObject({
      asn: 64511,
      country: "FR",
    });
    expect(enricher.of("203.0.113.99", { asn: 64511 })).not.toHaveProperty("organization");
    expect(enricher.of("203.0.113.99", { asn: 64500 })?.organization).toBe("Example SA");
  });

  it("uses the declared network type of an autonomous system and marks known clouds as hosting", () => {
    const enricher = new IpEnricher(
      parseNetworks([{ asn: [64500, 64501], networkType: "hosting" }]),
      database,
    );
    expect(enricher.of("203.0.113.9")).toMatchObject({
      organization: "Example SA",
      networkType: "hosting",
    });
    expect(enricher.of("198.51.100.7")).toEqual({
      country: "US",
      asn: 16509,
      networkType: "hosting",
    });
    expect(enricher.of(undefined, { asn: 64501 })).toEqual({ asn: 64501, networkType: "hosting" });
    const own = new IpEnricher(parseNetworks([{ asn: 16509, networkType: "vpn" }]), database);
    expect(own.of("198.51.100.7")?.networkType).toBe("vpn");
  });

  it.each(["", "localhost", "203.0.113.999", "fe80::1%eth0", "AWS Internal", "x".repeat(1000)])(
    "finds nothing for %j",
    (ip) => {
      expect(new IpEnricher([], database).of(ip)).toBeUndefined();
    },
  );
});

describe("addEnrichment", () => {
  const enricher = new IpEnricher(
    parseNetworks([{ cidr: "203.0.113.0/24", country: "DE", organization: "Office" }]),
  );

  it("adds enrichment for the address and keeps values that the event already contains", () => {
    const plain = event({ ip: "203.0.113.9" });
    expect(addEnrichment(plain, enricher)).toEqual({
      ...plain,
      event_data: {
        ip: "203.0.113.9",
        geo: { country_iso_code: "DE" },
        autonomous_system: { organization: "Office" },
      },
    });
    const said = event({
      ip: "203.0.113.9",
      geo: { country_iso_code: "AT", city_name: "Vienna" },
      autonomous_system: "odd",
    });
    expect(addEnrichment(said, enricher).event_data).toEqual({
      ip: "203.0.113.9",
      geo: { country_iso_code: "AT", city_name: "Vienna" },
      autonomous_system: { organization: "Office" },
    });
  });

  it("leaves an event unchanged when nothing is known about the address", () => {
    for (const details of [{}, { ip: "192.0.2.1" }, { ip: 7 }, { ip: "192.0.2.1", geo: "odd" }]) {
      const plain = event(details);
      expect(addEnrichment(plain, enricher)).toBe(plain);
    }
  });

  it("omits the enrichment when it would make the event too large", () => {
    const room = MAX_EVENT_DATA_BYTES - Buffer.byteLength('{"ip":"203.0.113.9","text":""}');
    const full = event({ ip: "203.0.113.9", text: "x".repeat(room - 10) });
    expect(addEnrichment(full, enricher)).toBe(full);
    const fits = event({ ip: "203.0.113.9", text: "x".repeat(room - 100) });
    expect(addEnrichment(fits, enricher).event_data.geo).toBeDefined();
  });
});

describe("ipEnrichment in the configuration", () => {
  it.each([
    [{ networks: [{}] }, /a network needs cidr or asn/],
    [{ networks: [{ cidr: "203.0.113.0/24" }] }, /does not describe its addresses/],
    [{ networks: [{ cidr: "203.0.113.0/24", asn: [1, 2] }] }, /can have only one asn/],
    [
      { networks: [{ cidr: ["203.0.113.0/24", "10.0.0.0/4"], networkType: "vpn" }] },
      /Use a prefix of \/8 or longer/,
    ],
    [{ networks: [{ cidr: 7, networkType: "vpn" }] }, /a network, or a list of them/],
    [{ networks: [{ cidr: "somewhere", country: "DE" }] }, /a network such as 203\.0\.113\.0\/24/],
    [{ networks: [{ cidr: "203.0.113.0/24", country: "ZZ" }] }, /unknown country code ZZ/],
    [
      { networks: [{ cidr: "203.0.113.0/24", country: "Germany" }] },
      /ipEnrichment\.networks\.0\.country/,
    ],
    [{ databases: ["../country.mmdb"] }, /a file name such as country\.mmdb/],
    [{ databases: ["a.mmdb", "a.mmdb"] }, /the same name/],
  ])("rejects %j", (enricher, message) => {
    expect(() =>
      parseMonitoringConfig({ ipEnrichment: enricher } as MonitoringConfigInput),
    ).toThrow(message);
  });
});
