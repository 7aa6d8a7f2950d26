import { expect, test } from "vitest";
import { readEnrichment, toEnrichmentData } from "../../shared/events/ip-enrichment.ts";

test("readEnrichment reads what toEnrichmentData writes", () => {
  const data = {
    geo: { country_iso_code: "DE", latitude: 52.5, longitude: 13.4 },
    autonomous_system: { number: 64496, organization: "Example Telecom" },
    network_type: "vpn",
  };
  const enrichment = readEnrichment({ ip: "192.0.2.1", ...data });
  expect(enrichment).toEqual({
    country: "DE",
    asn: 64496,
    organization: "Example Telecom",
    networkType: "vpn",
    latitude: 52.5,
    longitude: 13.4,
  });
  expect(toEnrichmentData(enrichment ?? {})).toEqual(data);
});

test("toEnrichmentData omits members without fields", () => {
  expect(toEnrichmentData({ country: "DE" })).toEqual({ geo: { country_iso_code: "DE" } });
  expect(toEnrichmentData({ networkType: "tor" })).toEqual({ network_type: "tor" });
  expect(toEnrichmentData({})).toEqual({});
});

test("readEnrichment drops an invalid field and keeps the others", () => {
  const data = {
    geo: { country_iso_code: "Germany", latitude: 91 },
    autonomous_system: { number: "AS64496", organization: "Example Telecom" },
    network_type: "hosting",
  };
  expect(readEnrichment(data)).toEqual({ organization: "Example Telecom", networkType: "hosting" });
  expect(readEnrichment({ ...data, autonomous_system: 64496 })).toEqual({ networkType: "hosting" });
});

test.each([
  {},
  { geo: null, autonomous_system: "AS64496", network_type: "wifi" },
  { geo: "DE" },
  { geo: [] },
  { autonomous_system: { number: 0 } },
])("readEnrichment returns undefined for %j", (data) => {
  expect(readEnrichment(data)).toBeUndefined();
});
