import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createEvent, oauthEventSchema } from "../../shared/envelope/oauth-event.ts";

const event = (details: Record<string, unknown>) =>
  createEvent({ eventType: "token_used", details }, Date.parse("2026-11-23T10:00:00.000Z"));

describe("createEvent", () => {
  it("makes a UUIDv7 of the event's own time", () => {
    const { id, occurred_at } = event({});
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(Number.parseInt(id.replace("-", "").slice(0, 12), 16)).toBe(Date.parse(occurred_at));
  });

  it("keeps a digest in place of a secret, wherever it lies", () => {
    const secret = "oam_abcdefghijklmnopqrstuvwxyz0123456789";
    const { event_data } = event({
      access_token: "plain-secret",
      nested: { Authorization: "Bearer plain-secret", list: [{ client_secret: "plain-secret" }] },
      note: `found ${secret} in a log`,
      [secret]: true,
      token_id: "public",
    });
    const text = JSON.stringify(event_data);
    expect(text).not.toContain("plain-secret");
    expect(text).not.toContain(secret);
    expect(event_data.access_token).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(event_data.token_id).toBe("public");
  });

  it("leaves other data exactly as it is, and redacting twice changes nothing", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const data = JSON.parse(
          JSON.stringify({ value }, (_, v) => (typeof v === "number" ? Math.trunc(v) % 1e9 : v)),
        );
        const parsed = oauthEventSchema.safeParse({ ...event({}), event_data: data });
        if (!parsed.success) return;
        expect(parsed.data.event_data).toEqual(data);
        expect(oauthEventSchema.parse(parsed.data)).toEqual(parsed.data);
      }),
    );
  });
});

describe("the envelope's schema", () => {
  it.each([
    ["an id that is no UUID", { id: "1" }, "UUID"],
    ["a type with capitals", { event_type: "TokenUsed" }, "lower-case"],
    ["a local time", { occurred_at: "2026-11-23T10:00:00" }, "UTC"],
    ["a day that does not exist", { occurred_at: "2026-02-31T10:00:00Z" }, "UTC"],
    ["a client id with a newline", { oauth_client_id: "a\nb" }, "control"],
    ["a field that nobody knows", { extra: 1 }, "extra"],
  ])("refuses %s and says why", (_, over, word) => {
    const parsed = oauthEventSchema.safeParse({ ...event({}), ...over });
    expect(parsed.success).toBe(false);
    expect(parsed.error?.message).toContain(word);
  });

  it("takes null for an absent client, as some producers write it", () => {
    expect(
      oauthEventSchema.parse({ ...event({}), oauth_client_id: null }).oauth_client_id,
    ).toBeUndefined();
  });

  it("brings every UTC precision to milliseconds", () => {
    const at = (occurred_at: string) =>
      oauthEventSchema.parse({ ...event({}), occurred_at }).occurred_at;
    expect(at("2026-11-23T10:00:00Z")).toBe("2026-11-23T10:00:00.000Z");
    expect(at("2026-11-23T10:00:00.123456Z")).toBe("2026-11-23T10:00:00.123Z");
  });
});
