import { expect, test } from "vitest";
import { originOf } from "../../shared/events/origin.ts";

test("An origin is read from an event's data", () => {
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

test("A member that does not fit is left out, and the others stay", () => {
  const origin = { country: "Germany", asn: "AS64496", kind: "hosting", latitude: 91 };
  expect(originOf({ origin })).toEqual({ kind: "hosting" });
});

test.each([{}, { origin: null }, { origin: "DE" }, { origin: [] }, { origin: { asn: 0 } }])(
  "%j has no origin",
  (data) => {
    expect(originOf(data)).toBeUndefined();
  },
);
