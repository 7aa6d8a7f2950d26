import { expect, test } from "vitest";
import { readEnrichment } from "../../shared/events/ip-enrichment.ts";

test("originOf reads the IP enrichment from an event's data", () => {
  const enrichment = {
    country: "DE",
    asn: 64496,
    operator: "Example Telecom",
    kind: "vpn",
    latitude: 52.5,
    longitude: 13.4,
  };
  expect(readEnrichment({ ip: "192.0.2.1", enrichment })).toEqual(enrichment);
});

test("originOf drops an invalid field and keeps the others", () => {
  const enrichment = { country: "Germany", asn: "AS64496", kind: "hosting", latitude: 91 };
  expect(readEnrichment({ enrichment })).toEqual({ kind: "hosting" });
});

test.each([
  {},
  { enrichment: null },
  { enrichment: "DE" },
  { enrichment: [] },
  { enrichment: { asn: 0 } },
])("originOf returns undefined for %j", (data) => {
  expect(readEnrichment(data)).toBeUndefined();
});
