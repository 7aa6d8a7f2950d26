import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { run } from "../../cli/main.ts";
import {
  type MonitoringConfigInput,
  parseMonitoringConfig,
} from "../../shared/config/monitoring-config.ts";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";
import { checkMappings } from "../../shared/integrations/providers/mapped-provider.ts";
import {
  KNOWN_PROVIDERS,
  loadAdapters,
  parseBusMessage,
} from "../../shared/integrations/providers/provider-adapters.ts";

type MappingInput = NonNullable<
  NonNullable<MonitoringConfigInput["providers"]>["mappings"]
>[number];

const ACME: MappingInput = {
  name: "acme",
  fields: {
    code: "$.event",
    id: "$.id",
    occurredAt: "$.at",
    outcome: "$.ok",
    reason: "$.why",
    clientId: "$.app.id",
    userId: ["$.user.id", "$.user.emails[0]"],
    sessionId: "$..session",
    ip: "$.hops[?@.kind == 'client'].address",
  },
  failures: ["false"],
  types: { "login.*": "session_started", "login.token": "token_issued" },
  failedTypes: { "login.*": "auth_failed" },
};

const DETAIL = {
  id: 7,
  event: "login.password",
  at: 1_795_428_000,
  ok: true,
  app: { id: "shop" },
  user: { id: "", emails: ["ada@example.com"] },
  hops: [
    { kind: "proxy", address: "10.0.0.1" },
    { kind: "client", address: "203.0.113.9" },
  ],
  context: { session: "s-1" },
};

const parseMappings = (...mappings: MappingInput[]) =>
  parseMonitoringConfig({ providers: { mappings } }).providers.mappings;

async function read(detail: unknown, mapping = ACME, source = "oauth.acme"): Promise<OAuthEvent> {
  const message = { source, "detail-type": "x", id: "eb-1", time: "2026-11-23T10:00:05Z", detail };
  const parsed = parseBusMessage(
    JSON.stringify(message),
    await loadAdapters(parseMappings(mapping)),
  );
  if (!("event" in parsed)) throw new Error(JSON.stringify(parsed));
  return parsed.event;
}

describe("mapped provider", () => {
  it("reads IP enrichment from the provider's own fields", async () => {
    const { fields } = ACME;
    const mapping = {
      ...ACME,
      fields: {
        ...fields,
        country: "$.geo.country",
        asn: "$.geo.as",
        organization: "$.geo.org",
        networkType: "$.geo.kind",
        latitude: "$.geo.at[0]",
        longitude: "$.geo.at[1]",
      },
    };
    const geo = {
      country: "Germany",
      as: "AS64496",
      org: "Example",
      kind: "VPN",
      at: ["52.52", 13.4],
    };
    expect((await read({ ...DETAIL, geo }, mapping)).event_data).toMatchObject({
      geo: { country_iso_code: "DE", latitude: 52.5, longitude: 13.4 },
      autonomous_system: { number: 64496, organization: "Example" },
      network_type: "vpn",
    });
    expect((await read({ ...DETAIL, geo: 7 }, mapping)).event_data.geo).toBeUndefined();
  });

  it("maps provider events to product types and fills every mapped field", async () => {
    expect(await read(DETAIL)).toMatchObject({
      event_type: "session_started",
      occurred_at: "2026-11-23T10:00:00.000Z",
      oauth_client_id: "shop",
      user_id: "ada@example.com",
      event_data: {
        provider: "acme",
        provider_event_id: "7",
        provider_event_type: "login.password",
        outcome: "success",
        session_id: "s-1",
        ip: "203.0.113.9",
        original: DETAIL,
      },
    });
  });

  it("prefers the longest matching key and supports a failure type and a default type", async () => {
    const type = async (event: string, ok: unknown) =>
      (await read({ ...DETAIL, event, ok })).event_type;
    expect(await type("login.token", true)).toBe("token_issued");
    expect(await type("login.token", false)).toBe("auth_failed");
    expect(await type("password.changed", true)).toBe("acme_password_changed");
    expect(await type("password.changed", false)).toBe("acme_password_changed");
    const { ok: _, ...unsaid } = DETAIL;
    expect((await read(unsaid)).event_data.outcome).toBeUndefined();
    expect((await read({ ...DETAIL, event: "constructor" })).event_type).toBe("acme_constructor");
  });

  it("reads times given as text, seconds or milliseconds", async () => {
    const at = async (value: unknown) => (await read({ ...DETAIL, at: value })).occurred_at;
    const expected = "2026-11-23T10:00:00.000Z";
    expect(await at("2026-11-23T11:00:00+01:00")).toBe(expected);
    expect(await at(1_795_428_000_000)).toBe(expected);
    expect(await at("yesterday")).toBe("2026-11-23T10:00:05.000Z");
  });

  it("drops unreadable fields but never drops the event", async () => {
    const adapters = await loadAdapters(parseMappings(ACME));
    const rejected: string[] = [];
    fc.assert(
      fc.property(
        fc.oneof(
          fc.jsonValue(),
          fc.dictionary(fc.constantFrom(...Object.keys(DETAIL)), fc.jsonValue()),
        ),
        (detail) => {
          const parsed = parseBusMessage(
            JSON.stringify({
              source: "oauth.acme",
              "detail-type": "x",
              id: "eb",
              time: "2026-11-23T10:00:05Z",
              detail,
            }),
            adapters,
          );
          if ("reason" in parsed) rejected.push(parsed.reason);
        },
      ),
      { numRuns: 500 },
    );
    expect(rejected).toEqual([]);
    expect((await read(null)).event_type).toBe("acme_unknown");
    const deep = JSON.stringify({
      source: "oauth.acme",
      "detail-type": "x",
      id: "eb",
      time: "2026-11-23T10:00:05Z",
      detail: DETAIL,
    }).replace('"context":', `"deep":${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)},"context":`);
    const parsed = parseBusMessage(deep, adapters);
    expect("event" in parsed && parsed.event.event_type).toBe("session_started");
  });

  it("can use its own partner event bus", async () => {
    const partnerEventBus = "aws.partner/example.com/tenant/stream";
    const event = await read(DETAIL, { ...ACME, partnerEventBus }, partnerEventBus);
    expect(event.event_data.provider).toBe("acme");
  });

  it("loads no code when no mapping is configured", async () => {
    expect(await loadAdapters([])).toBe(KNOWN_PROVIDERS);
  });
});

describe("checkMappings", () => {
  const rejection = (mapping: unknown): string => {
    try {
      checkMappings(parseMappings(mapping as MappingInput));
      return "";
    } catch (error) {
      return String(error);
    }
  };

  it("rejects an unusable mapping and names the key and the reason", () => {
    expect(rejection(ACME)).toBe("");
    const fields = (more: object) => rejection({ ...ACME, fields: { ...ACME.fields, ...more } });
    expect(fields({ ip: "$.a[" })).toMatch(/providers\.mappings\.0\.fields\.ip: invalid JSONPath/);
    expect(fields({ userId: ["$.a", "$.b c"] })).toMatch(/fields\.userId\.1: invalid JSONPath/);
    expect(fields({ ip: "ip" })).toMatch(/fields\.ip: .*starts with \$/);
    // Text from an attacker could make a regular expression very slow.
    expect(fields({ ip: "$[?search(@.a, '(a+)+b')]" })).toMatch(/without match\(\) and search\(\)/);
    expect(rejection({ ...ACME, fields: {} })).toContain("fields.code");
    expect(rejection({ ...ACME, name: "okta" })).toMatch(/name: this name is reserved/);
    expect(rejection({ ...ACME, types: { a: "Not A Type" } })).toContain("types.a");
    expect(() => parseMappings(ACME, ACME)).toThrow("the same name");
  });
});

describe("oauth-monitoring providers try", () => {
  const folder = mkdtempSync(join(tmpdir(), "oauth-monitoring-try-"));
  const file = (name: string, content: unknown) => {
    const path = join(folder, name);
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
    return path;
  };

  async function tried(...argv: string[]) {
    const out = vi.spyOn(console, "log").mockImplementation(() => {});
    const err = vi.spyOn(console, "error").mockImplementation(() => {});
    try {
      const code = await run(["node", "oauth-monitoring", "providers", "try", ...argv]);
      return { code, out: out.mock.calls.join("\n"), err: err.mock.calls.join("\n") };
    } finally {
      out.mockRestore();
      err.mockRestore();
    }
  }

  const mapping = file("acme.json", ACME);

  it("shows the events that would be stored for one event, a JSON list or JSON lines", async () => {
    for (const content of [
      DETAIL,
      [DETAIL, DETAIL],
      `${JSON.stringify(DETAIL)}\n\n{"event":"x"}\n`,
    ]) {
      const { code, out } = await tried(file("events.json", content), "--mapping", mapping);
      expect(code).toBe(0);
      expect(out).toMatch(
        /login\.password +session_started +success +2026-11-23T10:00:00\.000Z +shop/,
      );
    }
    const configFile = file("config.json", { realm: "shop", providers: { mappings: [ACME] } });
    const { out } = await tried(file("e.json", DETAIL), "--mapping", configFile, "--json");
    expect(JSON.parse(out).events).toMatchObject([{ event_type: "session_started" }]);
  });

  it("detects the provider of an EventBridge message or takes it from --provider", async () => {
    const detail = { eventType: "user.session.start", outcome: { result: "FAILURE" } };
    const source = "aws.partner/okta.com/example/stream";
    const message = { source, "detail-type": "SystemLog", id: "1", detail };
    expect((await tried(file("okta.json", message))).out).toContain("auth_failed");
    expect((await tried(file("bare.json", detail), "--provider", "okta")).out).toContain(
      "auth_failed",
    );
  });

  it("splits a provider's batch in the same way as the stack", async () => {
    const records = ["AuditLogs", "RiskyUsers"].map((category) => ({ category }));
    const { out } = await tried(file("hub.json", { records }), "--provider", "entra", "--json");
    expect(JSON.parse(out).events).toMatchObject([
      { event_type: "admin_activity" },
      { event_type: "entra_risky_users" },
    ]);
  });

  it("explains invalid arguments and how to fix them", async () => {
    const events = file("events.json", DETAIL);
    const cases: readonly (readonly [string[], RegExp])[] = [
      [[events], /the provider of event 1 is unknown.*--provider.*--mapping/],
      [[join(folder, "none.json"), "--provider", "okta"], /the file .* does not exist/],
      [[events, "--provider", "acme"], /must be one of auth0, okta/],
      [[events, "--provider", "okta", "--mapping", mapping], /exclude each other/],
      [[file("bad.json", '{"a":1}\n{'), "--provider", "okta"], /line 2 .* is not valid JSON/],
      [
        [events, "--mapping", file("m.json", { ...ACME, name: "A" })],
        /providers\.mappings\.0\.name/,
      ],
      [
        [events, "--mapping", file("p.json", { ...ACME, fields: { code: "$[" } })],
        /fields\.code: invalid JSONPath/,
      ],
    ];
    for (const [argv, message] of cases) {
      const { code, err } = await tried(...argv);
      expect(err).toMatch(message);
      expect(code).toBe(2);
    }
  });

  it("prints no secrets from a sample", async () => {
    const event = { ...DETAIL, refresh_token: "r3fr35h" };
    const { out } = await tried(file("secret.json", event), "--mapping", mapping);
    expect(out).toContain("sha256:");
    expect(out).not.toContain("r3fr35h");
  });
});
