import { expect, test } from "vitest";
import { originOf } from "../../shared/events/origin.ts";

test("originOf reads the IP enrichment from an event's data", () => {
  const origin = {
    country: "DE",
    asn: 64496,
    operator: "Example Telecom",
    kind: "vpn",
    latitude: 52.5,
    longitude: 13.4,
  };
  expect(originOf({ ip: "192.0.2.1", origin })).toEqual(origin);
});

test("originOf drops an invalid field and keeps the others", () => {
  const origin = { country: "Germany", asn: "AS64496", kind: "hosting", latitude: 91 };
  expect(originOf({ origin })).toEqual({ kind: "hosting" });
});

test.each([{}, { origin: null }, { origin: "DE" }, { origin: [] }, { origin: { asn: 0 } }])(
  "originOf returns undefined for %j",
  (data) => {
    expect(originOf(data)).toBeUndefined();
  },
);
