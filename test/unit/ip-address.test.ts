import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalIp } from "../../shared/events/ip-address.ts";
import { addressGroup, ipBlockSchema, parseNetwork } from "../../shared/events/ip-network.ts";
import { createEvent } from "../../shared/events/oauth-event.ts";

describe("canonicalIp", () => {
  it.each([
    ["::ffff:203.0.113.9", "203.0.113.9"],
    ["::FFFF:203.0.113.9", "203.0.113.9"],
    ["::ffff:cb00:7109", "203.0.113.9"],
    ["0:0:0:0:0:ffff:203.0.113.9", "203.0.113.9"],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["2001:db8::1", "2001:db8::1"],
    ["203.0.113.9", "203.0.113.9"],
    ["fe80::1%eth0", "fe80::1%eth0"],
    ["::", "::"],
    ["not an address", "not an address"],
    ["203.0.113", "203.0.113"],
    ["", ""],
  ])("writes %s as %s", (text, canonical) => {
    expect(canonicalIp(text)).toBe(canonical);
  });

  it("normalizes the address in every created event", () => {
    const getIp = (ip: unknown) =>
      createEvent({ eventType: "auth_failed", details: { ip } }, 0).event_data.ip;
    expect(getIp("::ffff:203.0.113.9")).toBe("203.0.113.9");
    expect(getIp(42)).toBe(42);
  });
});

describe("addressGroup", () => {
  it.each([
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:DB8::1", "2001:db8::/64"],
    ["::1", "::/64"],
    ["203.0.113.9", "203.0.113.9"],
    ["::ffff:203.0.113.9", "::ffff:203.0.113.9"],
    ["2001:db8:1:2::/64", "2001:db8:1:2::/64"],
    ["fe80::1%eth0", "fe80::1%eth0"],
    ["unknown", "unknown"],
    ["", ""],
  ])("groups %s as %s", (ip, group) => {
    expect(addressGroup(ip)).toBe(group);
  });

  it("returns the /64 block that contains an IPv6 address", () => {
    fc.assert(
      fc.property(fc.ipV6(), (ip) => {
        if (parseNetwork(ip)?.includes(".")) return;
        expect(addressGroup(ip)).toBe(ipBlockSchema.parse(`${ip}/64`));
      }),
    );
  });
});

describe("networkOf", () => {
  it.each([
    ["203.0.113.9", "203.0.0.0/16"],
    ["::ffff:203.0.113.9", "203.0.0.0/16"],
    ["2001:db8:1:2::1", "2001:0db8::/32"],
    ["2001:db8::1", "2001:0db8::/32"],
    ["fe80::1%eth0", "fe80:0000::/32"],
    ["203.0.113.9, 10.0.0.1", undefined],
    ["nonsense", undefined],
    [`fe80::1%${"z".repeat(57)}`, undefined],
    ["", undefined],
    [42, undefined],
    [undefined, undefined],
  ])("puts %s in the network %s", (ip, network) => {
    expect(parseNetwork(ip)).toBe(network);
  });
});
