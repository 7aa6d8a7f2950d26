import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createEvent, oauthEventSchema } from "../../shared/events/oauth-event.ts";

const event = (details: Record<string, unknown>) =>
  createEvent({ eventType: "token_used", details }, Date.parse("2026-11-23T10:00:00.000Z"));

describe("createEvent", () => {
  it("derives a UUIDv7 from the event's time", () => {
    const { id, occurred_at } = event({});
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(Number.parseInt(id.replace("-", "").slice(0, 12), 16)).toBe(Date.parse(occurred_at));
  });

  it("replaces a secret anywhere in the data with its digest", () => {
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

  it("keeps other data unchanged and has no further effect when applied twice", () => {
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

describe("secret redaction", () => {
  const DIGEST = /^sha256:[0-9a-f]{64}$/;

  it.each([
    "access_token",
    "refresh_token",
    "id_token",
    "token",
    "authorization",
    "code",
    "authorization_code",
    "code_verifier",
    "client_secret",
    "client_assertion",
    "assertion",
    "password",
    "cookie",
    "set-cookie",
  ])("replaces a secret under the key %s with its digest, in upper and lower case", (key) => {
    for (const name of [key, key.toUpperCase()]) {
      const { event_data } = event({ [name]: "s3cret", deep: { [name]: { a: ["s3cret"] } } });
      expect(event_data[name]).toMatch(DIGEST);
      expect(event_data.deep).toEqual({ [name]: { a: [event_data[name]] } });
    }
  });

  it("keeps existing digests and values that can't be secrets", () => {
    const digest = `sha256:${"0".repeat(64)}`;
    const kept = { token: digest, password: "", code: 7, cookie: null };
    expect(event(kept).event_data).toEqual(kept);
    expect(event({ token: `${digest}0` }).event_data.token).not.toBe(`${digest}0`);
    expect(event({ code: "abc" }).event_data.code).toBe(
      "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
  });

  it.each([
    ["a JWT", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"],
    ["an unsigned JWT", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ."],
    ["an encrypted JWT", "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..aXY.Y2lwaGVydGV4dA.dGFn"],
    ["a token that the product issued", `oam_${"k".repeat(43)}`],
  ])("finds %s in any text, even when it is percent-encoded", (_, secret) => {
    const once = [...secret].map((each) => `%${each.charCodeAt(0).toString(16)}`).join("");
    const dots = secret.replaceAll(".", "%2E").replaceAll("_", "%5f");
    const half =
      secret.slice(0, 40) +
      [...secret.slice(40)].map((each) => `%${each.charCodeAt(0).toString(16)}`).join("");
    for (const written of [
      secret,
      once,
      dots,
      half,
      once.replaceAll("%", "%25"),
      encodeURI(dots),
    ]) {
      const { event_data } = event({ endpoint: `/a/x=${written}/b`, list: [written] });
      expect(event_data.endpoint).toMatch(/^\/a\/x=sha256:[0-9a-f]{64}\/b$/);
      expect(event_data.list).toEqual([expect.stringMatching(DIGEST)]);
    }
  });

  it.each(["/a/eyJ.b.c", "eyJhbGciOiJub25lIn0.one", "/v1.2.3/HeyJude-2.0.1", "%2565yJ", "/%zz.%a"])(
    "finds no secret in %s",
    (text) => {
      expect(event({ text }).event_data.text).toBe(text);
    },
  );

  it("redacts client and user IDs without exceeding their maximum length", () => {
    const secret = `oam_${"x".repeat(20)}`;
    const { oauth_client_id, user_id } = createEvent(
      {
        eventType: "token_used",
        clientId: secret,
        userId: `${"u".repeat(230)}${secret}`,
        details: {},
      },
      0,
    );
    expect(oauth_client_id).toMatch(DIGEST);
    expect(user_id).toHaveLength(256);
    expect(user_id).not.toContain(secret);
  });
});

describe("event data", () => {
  const rejection = (data: unknown) => {
    const { error } = oauthEventSchema.safeParse({ ...event({}), event_data: data });
    return error?.issues[0]?.message;
  };
  const nested = (levels: number): unknown => (levels === 0 ? {} : { a: nested(levels - 1) });

  it("must be an object that stays within DynamoDB's nesting limit", () => {
    expect(rejection(nested(27))).toBeUndefined();
    expect(rejection(nested(28))).toContain("deeper than 28 levels");
    for (const wrong of [[], null, "text", undefined]) {
      expect(rejection(wrong)).toContain("must be a JSON object");
    }
    expect(rejection({ a: undefined })).toContain("event_data.a is not JSON");
  });

  it("must have valid keys and numbers within DynamoDB's range", () => {
    for (const right of [0, -0, 9.9e125, -9.9e125, 1e-130, -1e-130]) {
      expect(rejection({ n: right })).toBeUndefined();
    }
    for (const wrong of [1e126, -1e126, 1e-131, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(rejection({ a: { n: wrong } })).toContain("event_data.a.n is a number");
    }
    expect(rejection({ "": 1 })).toContain("Rename it");
    expect(rejection(JSON.parse('{"a":{"__proto__":1}}'))).toContain(
      "event_data.a has the unsupported key",
    );
  });

  it("is limited to 128 KB", () => {
    const room = 128 * 1024 - JSON.stringify({ a: "" }).length;
    const full = { a: "x".repeat(room) };
    expect(event(full).event_data).toEqual(full);
    expect(event({ a: "x".repeat(room + 1) }).event_data).toEqual({
      a: "x".repeat(1024),
      truncated: { bytes: 131073, members: ["a"] },
    });
    expect(event({ a: `x${"é".repeat(room)}` }).event_data.a).toBe(`x${"é".repeat(511)}`);
  });

  it("is shortened when it is too large, except for the identifying fields", () => {
    const identity = {
      token_id: "t1",
      ip: "203.0.113.9",
      endpoint: "/mcp",
      reason: "unknown_token",
    };
    const small = Object.fromEntries(Array.from({ length: 9000 }, (_, n) => [`k${n}`, "\u0000x"]));
    const data = { list: Array(50_000).fill("method"), ...small, ...identity };
    const shortened = event(data);
    const { truncated, list } = shortened.event_data;
    expect(shortened.event_data).toMatchObject(identity);
    expect(list).toBeUndefined();
    expect(truncated).toMatchObject({
      bytes: Buffer.byteLength(JSON.stringify(data)),
      more: expect.any(Number),
    });
    expect(Buffer.byteLength(JSON.stringify(shortened.event_data))).toBeLessThanOrEqual(128 * 1024);
    // The subscriber parses events with the same schema.
    expect(oauthEventSchema.parse(shortened)).toEqual(shortened);
  });

  it("is shortened when digests make it too large", () => {
    const { event_data } = event({ token: Array(20_000).fill("x"), token_id: "t1" });
    expect(event_data).toMatchObject({ token_id: "t1", truncated: { members: ["token"] } });
  });

  it("contains U+FFFD instead of an unpaired surrogate", () => {
    expect(event({ a: "x\ud800y", "k\udc00": 1 }).event_data).toEqual({
      a: "x\ufffdy",
      "k\ufffd": 1,
    });
  });
});

describe("oauthEventSchema", () => {
  it.each([
    ["an ID that isn't a UUID", { id: "1" }, "UUID"],
    ["a type with capitals", { event_type: "TokenUsed" }, "lower-case"],
    ["a local time", { occurred_at: "2026-11-23T10:00:00" }, "UTC"],
    ["a day that does not exist", { occurred_at: "2026-02-31T10:00:00Z" }, "UTC"],
    ["a client id with a newline", { oauth_client_id: "a\nb" }, "control"],
    ["an unknown field", { extra: 1 }, "extra"],
    ["a type of 65 characters", { event_type: "a".repeat(65) }, "lower-case"],
    ["a client id of 257 characters", { oauth_client_id: "a".repeat(257) }, "256"],
    ["a user id with half a surrogate pair", { user_id: "a\ud800" }, "surrogate"],
  ])("rejects %s and explains why", (_, over, word) => {
    const parsed = oauthEventSchema.safeParse({ ...event({}), ...over });
    expect(parsed.success).toBe(false);
    expect(parsed.error?.message).toContain(word);
  });

  it("treats a null client as absent, because some event sources send null", () => {
    expect(
      oauthEventSchema.parse({ ...event({}), oauth_client_id: null }).oauth_client_id,
    ).toBeUndefined();
  });

  it("normalizes UTC times to milliseconds", () => {
    const at = (occurred_at: string) =>
      oauthEventSchema.parse({ ...event({}), occurred_at }).occurred_at;
    expect(at("2026-11-23T10:00:00Z")).toBe("2026-11-23T10:00:00.000Z");
    expect(at("2026-11-23T10:00:00.123456Z")).toBe("2026-11-23T10:00:00.123Z");
  });
});
