import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EventData } from "../../shared/events/event-data.ts";
import {
  createEvent,
  EVENT_TYPES,
  type OAuthEvent,
  oauthEventSchema,
} from "../../shared/events/oauth-event.ts";
import { getPartition, toOcsfEvent } from "../../shared/integrations/ocsf/to-ocsf-event.ts";
import { findOcsfErrors, OCSF } from "../published/ocsf-schema.ts";
import { ocsfEventSchema } from "./ocsf-schema.ts";

const AT = "2026-11-23T10:00:00.000Z";
const ID = "01a20a27-c018-77ee-b68a-e9fb2689fda9";

const CALL = {
  endpoint: "/api/data",
  method: "GET",
  ip: "203.0.113.9",
  user_agent: "curl/8",
  request_id: "req-1",
};

function event(eventType: string, details: EventData = {}, subject = {}): OAuthEvent {
  return createEvent({ eventType, details, id: ID, ...subject }, Date.parse(AT));
}

const exported = (from: OAuthEvent) => toOcsfEvent(from, { serviceName: "shop" });

/** Exports an event, validates the result against the schema and returns it. */
function conforming(from: OAuthEvent) {
  const mapped = exported(from);
  const parsed = ocsfEventSchema.safeParse(mapped);
  expect(parsed.error?.issues).toBeUndefined();
  // biome-ignore lint/suspicious/noExplicitAny: tests read events of every class
  return mapped as any;
}

/** Type, class, activity, activity name, status and severity. */
const ROWS = [
  ["auth_failed", 3002, 1, "Logon", 2, 2],
  ["auth_unavailable", 3002, 1, "Logon", 2, 3],
  ["session_started", 3002, 1, "Logon", 1, 1],
  ["session_ended", 3002, 2, "Logoff", 1, 1],
  ["token_issued", 3002, 99, "Token Issued", 1, 1],
  ["token_seen", 3002, 99, "Token Seen", 1, 1],
  ["token_revoked", 3002, 99, "Token Revoked", 1, 1],
  ["access_revoked", 3002, 99, "Access Revoked", 1, 1],
  ["action_taken", 3002, 99, "Action Taken", 1, 1],
  ["action_proposed", 3002, 99, "Action Proposed", 1, 1],
  ["action_dry_run", 3002, 99, "Action Dry Run", 1, 1],
  ["action_rejected", 3002, 99, "Action Rejected", 1, 1],
  ["action_released", 3002, 99, "Action Released", 1, 1],
  ["action_expired", 3002, 99, "Action Expired", 1, 1],
  ["alert_reviewed", 3002, 99, "Alert Reviewed", 1, 1],
  ["token_used", 6003, 2, "Read", 1, 1],
  ["scope_validation_success", 6003, 2, "Read", 1, 1],
  ["scope_violation", 6003, 2, "Read", 2, 2],
  ["suspicious_activity", 2004, 1, "Create", 1, 3],
  ["alert_resolved", 2004, 3, "Close", 4, 1],
  ["consent_given", 6003, 99, "consent_given", 0, 0],
] as const;

describe("toOcsfEvent", () => {
  it.each(ROWS)(
    "maps %s to class %i, activity %i %s",
    (type, uid, activity, name, status, severity) => {
      const mapped = conforming(event(type, CALL, { clientId: "app", userId: "ada" }));
      expect(mapped).toMatchObject({
        class_uid: uid,
        activity_id: activity,
        activity_name: name,
        type_uid: uid * 100 + activity,
        status_id: status,
        severity_id: severity,
        time: Date.parse(AT),
        metadata: { version: "1.8.0", uid: ID, event_code: type, correlation_uid: "req-1" },
      });
    },
  );

  it("is tested with every event type of the product", () => {
    // Fails for a new type until it gets its own row, so that no type is exported as unknown by accident.
    expect(ROWS.map(([type]) => type)).toEqual(expect.arrayContaining([...EVENT_TYPES]));
    expect(ROWS.filter(([type, , , name]) => type === name).map(([type]) => type)).toEqual([
      "consent_given",
    ]);
  });

  it("uses the IDs and captions from the schema", () => {
    const captions = (type: string, details: EventData = {}) => {
      const { category_uid, category_name, class_name, type_name, severity, status } = conforming(
        event(type, details),
      );
      return [category_uid, category_name, class_name, type_name, severity, status];
    };
    const category = [3, "Identity & Access Management", "Authentication"];
    expect(captions("auth_failed")).toEqual([
      ...category,
      "Authentication: Logon",
      "Low",
      "Failure",
    ]);
    expect(captions("auth_unavailable")).toEqual([
      ...category,
      "Authentication: Logon",
      "Medium",
      "Failure",
    ]);
    expect(captions("token_used", { method: "PUT" })).toEqual([
      6,
      "Application Activity",
      "API Activity",
      "API Activity: Update",
      "Informational",
      "Success",
    ]);
    expect(captions("suspicious_activity")).toEqual([
      2,
      "Findings",
      "Detection Finding",
      "Detection Finding: Create",
      "Medium",
      "New",
    ]);
    expect(captions("alert_resolved").slice(3)).toEqual([
      "Detection Finding: Close",
      "Informational",
      "Resolved",
    ]);
    expect(captions("consent_given").slice(3)).toEqual([
      "API Activity: consent_given",
      "Unknown",
      "Unknown",
    ]);
    expect(conforming(event("auth_unavailable")).status_detail).toBe("temporarily_unavailable");
    expect(conforming(event("token_issued")).metadata).toEqual({
      version: "1.8.0",
      product: { name: "oauth-monitoring", vendor_name: "oauth-monitoring" },
      uid: ID,
      event_code: "token_issued",
      log_name: "oauth.monitoring",
    });
  });

  it("includes the lifetime of a session in its events and of a token in its calls", () => {
    const life = { issued_at: AT, expires_at: "2026-11-23T11:00:00.000Z" };
    const times = { created_time: Date.parse(AT), expiration_time: Date.parse(life.expires_at) };
    const ended = conforming(event("session_ended", { session_id: "s1", ...life }));
    expect(ended.session).toEqual({ uid: "s1", ...times });
    const used = conforming(event("token_used", { session_id: "s1", token_id: "t1", ...life }));
    expect(used.actor.session).toEqual({ uid: "s1" });
    expect(used.api.token).toMatchObject({ uid: "t1", type: "Access Token", ...times });
  });

  it("includes an alert's token and principal", () => {
    const details = { alert_id: "a1", token_id: "t1", ip: "203.0.113.9", session_id: "s1" };
    const alert = conforming(event("suspicious_activity", details, { clientId: "app" }));
    expect(alert.resources).toEqual([{ uid: "t1", type: "Access Token" }]);
    expect(alert.evidences).toEqual([
      {
        actor: { app_uid: "app", session: { uid: "s1" } },
        src_endpoint: { ip: "203.0.113.9" },
      },
    ]);
    // An alert without an ID uses the event's ID.
    const nameless = conforming(event("suspicious_activity", { evidence: [1] }));
    expect(nameless.finding_info).toEqual({ uid: ID });
    expect(nameless.unmapped).toEqual({ evidence: [1] });
    for (const absent of ["remediation", "resources", "start_time", "end_time"]) {
      expect(nameless).not.toHaveProperty(absent);
    }
  });

  it("includes the subject, source and reason of a failed authentication", () => {
    const mapped = conforming(
      event(
        "auth_failed",
        { ...CALL, reason: "expired_token" },
        { clientId: "app", userId: "ada" },
      ),
    );
    expect(mapped).toMatchObject({
      status: "Failure",
      status_detail: "expired_token",
      user: { uid: "ada", type_id: 1, type: "User" },
      actor: { app_uid: "app" },
      service: { name: "shop" },
      auth_protocol_id: 6,
      src_endpoint: { ip: "203.0.113.9" },
      http_request: {
        uid: "req-1",
        http_method: "GET",
        url: { path: "/api/data" },
        user_agent: "curl/8",
      },
    });
    expect(mapped).not.toHaveProperty("unmapped");
  });

  it("includes the ID and lifetime of a token and of a session", () => {
    const life = { issued_at: AT, expires_at: "2026-11-23T11:00:00.000Z" };
    const issued = conforming(event("token_issued", { token_id: "t1", scopes: ["a"], ...life }));
    expect(issued.authentication_token).toEqual({
      uid: "t1",
      type_id: 99,
      type: "Access Token",
      created_time: Date.parse(AT),
      expiration_time: Date.parse(life.expires_at),
    });
    expect(issued.unmapped).toEqual({ scopes: ["a"] });

    const started = conforming(
      event("session_started", { session_id: "s1", expires_at: life.expires_at }),
    );
    expect(started.session).toEqual({ uid: "s1", expiration_time: Date.parse(life.expires_at) });
    expect(started).not.toHaveProperty("authentication_token");
  });

  it("includes an API call and the client, user, session and token that made the call", () => {
    const mapped = conforming(
      event(
        "scope_violation",
        { ...CALL, method: "DELETE", session_id: "s1", token_id: "t1", required_scopes: ["a"] },
        { clientId: "app", userId: "ada" },
      ),
    );
    expect(mapped).toMatchObject({
      activity_name: "Delete",
      status_detail: "insufficient_scope",
      actor: { app_uid: "app", user: { uid: "ada" }, session: { uid: "s1" } },
      api: { operation: "DELETE /api/data", service: { name: "shop" }, token: { uid: "t1" } },
      unmapped: { required_scopes: ["a"] },
    });
  });

  it.each([
    ["GET", 2],
    ["HEAD", 2],
    ["POST", 1],
    ["PUT", 3],
    ["PATCH", 3],
    ["OPTIONS", 2],
    ["TRACE", 2],
    ["DELETE", 4],
    ["CONNECT", 99],
    ["PURGE", 0],
  ])("maps the method %s to activity %i", (method, activity) => {
    expect(conforming(event("token_used", { ...CALL, method })).activity_id).toBe(activity);
  });

  it("maps each kind of call to an activity name", () => {
    const does = (method: string) => conforming(event("token_used", { method })).activity_name;
    expect(["GET", "POST", "PUT", "DELETE", "CONNECT", "PURGE"].map(does)).toEqual([
      "Read",
      "Create",
      "Update",
      "Delete",
      "Connect",
      "Unknown",
    ]);
  });

  it("links an alert to its resolution and includes the rule, evidence and advice", () => {
    const alert = {
      message: "Many failures",
      rule: "failure_burst",
      alert_id: "failure_burst#ip#203.0.113.9",
      ip: "203.0.113.9",
      window_start: "2026-11-23T09:50:00.000Z",
      window_end: AT,
      evidence: { by_reason: { unknown_token: 40 } },
      advice: "Block the address",
      observed: 40,
    };
    const opened = conforming(event("suspicious_activity", alert));
    expect(opened).toMatchObject({
      is_alert: true,
      message: "Many failures",
      finding_info: {
        uid: alert.alert_id,
        title: "Many failures",
        analytic: { name: "failure_burst", type_id: 1 },
      },
      start_time: Date.parse(alert.window_start),
      end_time: Date.parse(AT),
      remediation: { desc: "Block the address" },
      evidences: [{ src_endpoint: { ip: "203.0.113.9" }, data: alert.evidence }],
      unmapped: { observed: 40 },
    });
    const resolved = conforming(event("alert_resolved", alert));
    expect(resolved.finding_info.uid).toBe(opened.finding_info.uid);
    expect(resolved.is_alert).toBe(false);
  });

  it("includes the request that raised an alert even when no other detail is known", () => {
    const { evidences } = conforming(event("suspicious_activity", { endpoint: "/api/data" }));
    expect(evidences).toEqual([
      { actor: { app_name: "Unknown" }, http_request: { url: { path: "/api/data" } } },
    ]);
    expect(conforming(event("suspicious_activity"))).not.toHaveProperty("evidences");
  });

  it("uses Unknown for required values that aren't known", () => {
    expect(conforming(event("auth_failed")).user).toMatchObject({ name: "Unknown", type_id: 0 });
    expect(conforming(event("token_used"))).toMatchObject({
      actor: { app_name: "Unknown" },
      src_endpoint: { name: "Unknown" },
      api: { operation: "token_used" },
    });
    expect(conforming(event("token_issued", {}, { clientId: "batch" })).user).toMatchObject({
      uid: "batch",
      type: "Service",
    });
  });

  it("includes the identity provider and outcome of a provider-specific event", () => {
    const details = { provider: "okta", outcome: "failure" };
    expect(conforming(event("auth_failed", details)).service).toEqual({ name: "okta" });
    expect(conforming(event("okta_policy_evaluate", details))).toMatchObject({
      activity_name: "okta_policy_evaluate",
      status: "Failure",
      api: { operation: "okta_policy_evaluate", service: { name: "okta" } },
    });
  });

  it("maps IP enrichment to the location and autonomous_system attributes", () => {
    const enrichment = {
      geo: { country_iso_code: "DE", latitude: 52.5, longitude: 13.4 },
      autonomous_system: { number: 64496, organization: "Example Telecom" },
      network_type: "vpn",
    };
    for (const type of ["token_used", "auth_failed", "suspicious_activity"]) {
      const mapped = conforming(event(type, { ip: "203.0.113.9", ...enrichment }));
      const endpoint = mapped.src_endpoint ?? mapped.evidences[0].src_endpoint;
      expect(endpoint).toEqual({
        ip: "203.0.113.9",
        location: { country: "DE", lat: 52.5, long: 13.4 },
        autonomous_system: { number: 64496, name: "Example Telecom" },
      });
      expect(mapped.unmapped).toMatchObject({ network_type: "vpn" });
      expect(mapped.unmapped).not.toHaveProperty("geo");
      expect(mapped.unmapped).not.toHaveProperty("autonomous_system");
    }
  });

  it("stores IP enrichment in unmapped when the schema has no attribute for it", () => {
    // The schema doesn't allow a location that has only coordinates.
    const geo = { latitude: 52.5, longitude: 13.4 };
    const autonomous_system = { number: 64496, constructor: "isp" };
    const mapped = conforming(event("token_used", { ip: "203.0.113.9", geo, autonomous_system }));
    expect(mapped.src_endpoint).toEqual({
      ip: "203.0.113.9",
      autonomous_system: { number: 64496 },
    });
    expect(mapped.unmapped).toMatchObject({ geo, autonomous_system: { constructor: "isp" } });
    const withoutLocation = conforming(event("token_used", { geo: { country_iso_code: "DE" } }));
    expect(withoutLocation.src_endpoint).toEqual({ name: "Unknown" });
    expect(withoutLocation.unmapped.geo).toEqual({ country_iso_code: "DE" });
    for (const odd of ["DE", { country_iso_code: "Germany" }, [], {}]) {
      const kept = conforming(event("token_used", { ip: "203.0.113.9", geo: odd }));
      expect(kept.src_endpoint).toEqual({ ip: "203.0.113.9" });
      if (JSON.stringify(odd) !== "{}") expect(kept.unmapped.geo).toEqual(odd);
    }
  });

  it("stores values in unmapped when they don't fit an attribute", () => {
    const odd = {
      method: "get",
      endpoint: 7,
      user_agent: "",
      token_id: ["t1"],
      expires_at: "tomorrow",
      reason: null,
      issued_at: "2026-11-23T10:00:00Z",
    };
    const mapped = conforming(event("token_used", odd));
    expect(mapped.unmapped).toEqual(odd);
    expect(mapped.api.token.created_time).toBe(Date.parse(AT));
    for (const ip of ["203.0.113.9, 10.0.0.1", `fe80::1%${"z".repeat(40)}`]) {
      expect(conforming(event("token_used", { ip })).src_endpoint).toEqual({ name: ip });
    }
  });

  it("partitions events by class and UTC day", () => {
    const late = createEvent(
      { eventType: "token_used", details: {} },
      Date.parse("2026-11-23T23:59:59.999Z"),
    );
    expect(getPartition(exported(late))).toEqual({ class_uid: "6003", day: "2026-11-23" });
  });
});

/** Keys that the mapping reads, with valid and invalid values. */
const ATTRIBUTE_KEYS = [
  ...Object.keys(CALL),
  "provider",
  "outcome",
  "token_id",
  "session_id",
  "issued_at",
  "expires_at",
  "reason",
  "message",
  "rule",
  "advice",
  "alert_id",
  "evidence",
  "window_start",
  "window_end",
];

const SECRET = "hostile-secret-value";
const OWN_TOKEN = `oam_${"x".repeat(43)}`;

const value = fc.oneof(
  fc.constantFrom(
    "GET",
    "DELETE",
    "127.0.0.1",
    "::ffff:10.0.0.1",
    "fe80::1%eth0",
    AT,
    "2026-11-23T10:00:00Z",
    "0001-01-01T00:00:00.000Z",
    "__proto__",
    "\u0000\n\u2028",
    `Bearer ${OWN_TOKEN}`,
  ),
  fc.string({ unit: "binary" }),
  fc.jsonValue({ maxDepth: 3 }),
);

const anyEvent = fc
  .record({
    event_type: fc.oneof(
      fc.constantFrom(...EVENT_TYPES, "alert_resolved", "constructor", "session_", "to_string"),
      fc.stringMatching(/^[a-z][a-z0-9_]{0,63}$/),
    ),
    occurred_at: fc.constantFrom(AT, "0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"),
    oauth_client_id: fc.option(fc.string({ unit: "grapheme", minLength: 1, maxLength: 64 })),
    user_id: fc.option(fc.string({ unit: "grapheme", minLength: 1, maxLength: 64 })),
    event_data: fc.oneof(
      fc.dictionary(fc.constantFrom(...ATTRIBUTE_KEYS), value),
      fc.dictionary(fc.string({ minLength: 1 }), value),
    ),
  })
  .map((fields) => oauthEventSchema.safeParse({ id: ID, ...fields }))
  .filter((parsed) => parsed.success)
  .map((parsed) => parsed.data as OAuthEvent);

/** Returns every primitive in a value, at any depth. */
function leaves(node: unknown): unknown[] {
  return typeof node === "object" && node !== null ? Object.values(node).flatMap(leaves) : [node];
}

describe("published OCSF schema", () => {
  const whole = conforming(event("auth_failed", CALL, { oauth_client_id: "app", user_id: "ada" }));
  const errors = (more: object) =>
    findOcsfErrors({ ...whole, ...more }).map(
      ({ path, message }) => `${path.join(".")} ${message}`,
    );

  it("has the same version as the exported events", () => {
    expect(OCSF).toMatchObject({
      version: "1.8.0",
      commit: expect.stringMatching(/^[0-9a-f]{40}$/),
    });
    expect(Object.keys(OCSF.classes)).toEqual(["2004", "3002", "6003"]);
    expect(Object.keys(OCSF.objects).length).toBeGreaterThan(100);
  });

  it.each<[string, object, string]>([
    ["an unknown attribute", { color: "red" }, "color is not an attribute"],
    ["a missing required attribute", { severity_id: undefined }, "severity_id is missing"],
    ["a value of another type", { time: "now" }, "time is not a valid long_t"],
    ["a value outside the enum", { status_id: 7 }, "status_id is not one of 0, 1"],
    [
      "a caption that doesn't match its value",
      { activity_name: "Login" },
      "activity_name is not Logon",
    ],
    ["a type that doesn't match class and activity", { type_uid: 1 }, "type_uid is not 300201"],
    [
      "an object that has none of its alternative attributes",
      { actor: {} },
      "actor has none of process, user",
    ],
    [
      "text instead of an IP address",
      { src_endpoint: { ip: "x" } },
      "src_endpoint.ip is not a valid ip_t",
    ],
    ["a list instead of an object", { user: [] }, "user is not an object"],
    ["an unknown nested attribute", { user: { uid: "a", x: 1 } }, "user.x is no"],
    ["an unknown class", { class_uid: 1 }, "class_uid is not one of our classes"],
  ])("rejects an event with %s", (_, more, error) => {
    expect(errors({})).toEqual([]);
    expect(errors(more).join("; ")).toContain(error);
  });
});

describe("toOcsfEvent with arbitrary events", () => {
  it("conforms to the schema", () => {
    fc.assert(
      fc.property(anyEvent, (from) => {
        const parsed = ocsfEventSchema.safeParse(JSON.parse(JSON.stringify(exported(from))));
        expect(parsed.error?.issues).toBeUndefined();
      }),
      { numRuns: 2000 },
    );
  });

  it("loses no event data", () => {
    fc.assert(
      fc.property(anyEvent, (from) => {
        const mapped = exported(from);
        const found = new Set(leaves(mapped));
        const { occurred_at, event_data, ...envelope } = from;
        expect(mapped.time).toBe(Date.parse(occurred_at));
        for (const leaf of leaves(envelope)) {
          if (leaf !== undefined) expect(found).toContain(leaf);
        }
        for (const [key, given] of Object.entries(event_data)) {
          if (mapped.unmapped && Object.hasOwn(mapped.unmapped, key)) {
            expect(mapped.unmapped[key]).toEqual(given);
            continue;
          }
          for (const leaf of leaves(given)) {
            const instant = typeof leaf === "string" && found.has(Date.parse(leaf));
            expect(found.has(leaf) || instant, `${key} in ${JSON.stringify(mapped)}`).toBe(true);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("contains no secrets from the event", () => {
    const secretKeys = fc.constantFrom("access_token", "Authorization", "code", "client_secret");
    fc.assert(
      fc.property(anyEvent, secretKeys, (from, key) => {
        const event_data = {
          ...from.event_data,
          [key]: SECRET,
          nested: [{ [key]: SECRET }],
          endpoint: `/api/${OWN_TOKEN}`,
          message: OWN_TOKEN,
        };
        const parsed = oauthEventSchema.parse({ ...from, event_data });
        const shown = JSON.stringify(exported(parsed));
        expect(shown).not.toContain(SECRET);
        expect(shown).not.toContain(OWN_TOKEN);
        expect(shown).toContain("sha256:");
      }),
    );
  });
});
