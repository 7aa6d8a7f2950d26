import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OAuthEvent } from "../../shared/events/oauth-event.ts";
import { receiveSet } from "../../shared/integrations/shared-signals/receive-set.ts";
import { SetVerifier } from "../../shared/integrations/shared-signals/set-verifier.ts";
import { type Signal, toSignals } from "../../shared/integrations/shared-signals/signal-event.ts";
import type { SignalRevocation } from "../../shared/integrations/shared-signals/signal-response.ts";
import { responseTo } from "../../shared/integrations/shared-signals/signal-response.ts";
import { readSubject } from "../../shared/integrations/shared-signals/subject-identifier.ts";
import { newKey } from "../integration/signing-issuer.ts";
import { recordingLogger } from "../integration/store.ts";
import {
  type SignalTransmitter,
  startSignalTransmitter,
  transmitterConfig,
} from "../signal-transmitter.ts";

interface PublishedSet {
  readonly document: string;
  readonly title: string;
  readonly claims: Record<string, unknown> & { readonly iat: number; readonly jti: string };
}

/** SETs printed in the specifications. */
const PUBLISHED: readonly PublishedSet[] = JSON.parse(
  readFileSync(new URL("../published/shared-signals-sets.json", import.meta.url), "utf8"),
);

const AUDIENCE = "https://sp.example.com";
const NOW_MS = Date.parse("2026-11-25T08:00:00.000Z");
const NOW_SECONDS = NOW_MS / 1000;
const TYPE = "https://schemas.openid.net/secevent/caep/event-type/";

let transmitter: SignalTransmitter;
beforeAll(async () => {
  transmitter = await startSignalTransmitter();
});
afterAll(() => transmitter.close());

/** Returns the claims that CAEP requires in a SET. */
function claims(more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    iss: transmitter.issuer,
    jti: "24c63fb56e5a2d77a6b512616ca9fa24",
    iat: NOW_SECONDS,
    aud: AUDIENCE,
    txn: "8675309",
    sub_id: { format: "iss_sub", iss: transmitter.issuer, sub: "ada" },
    events: { [`${TYPE}session-revoked`]: { event_timestamp: NOW_SECONDS - 5 } },
    ...more,
  };
}

const createVerifier = (more = {}) =>
  new SetVerifier([transmitterConfig(transmitter.issuer, more)]);

async function verdict(text: string, more = {}): Promise<string> {
  const found = await createVerifier(more).verify(text, NOW_MS);
  return found.status === "rejected" ? found.err : found.status;
}

async function toSignal(more: Record<string, unknown>, config = {}): Promise<Signal> {
  const text = await transmitter.sign(claims(more));
  const found = await createVerifier(config).verify(text, NOW_MS);
  if (found.status !== "verified") throw new Error(JSON.stringify(found));
  const [signal] = toSignals(found.set, found.transmitter);
  return signal as Signal;
}

describe("SETs printed in the specifications", () => {
  it.each(PUBLISHED.map((each) => [`${each.document}: ${each.title}`, each] as const))(
    "are accepted: %s",
    async (_, { claims: printed }) => {
      // Replaces the printed issuer, audience and time, which can't be verified, and keeps the rest.
      const aud = Array.isArray(printed.aud) ? [...printed.aud, AUDIENCE] : AUDIENCE;
      const text = await transmitter.sign({
        ...printed,
        iss: transmitter.issuer,
        aud,
        iat: NOW_SECONDS,
      } as never);
      const found = await createVerifier().verify(text, NOW_MS);
      expect(found).toMatchObject({ status: "verified", set: { jti: printed.jti } });
      if (found.status !== "verified") return;
      const signals = toSignals(found.set, found.transmitter);
      expect(signals).toHaveLength(1);
      const [uri = ""] = Object.keys(printed.events as object);
      const [signal] = signals;
      // Every printed type is known, and the stored event keeps the initiator and the reason.
      expect(signal?.event.event_type).toBe(
        `signal_${(uri.split("/").at(-1) ?? "").replaceAll("-", "_")}`,
      );
      const [payload] = Object.values(printed.events as Record<string, Record<string, unknown>>);
      for (const name of ["reason_admin", "initiating_entity"]) {
        expect(signal?.event.event_data[name]).toEqual(payload?.[name]);
      }
      expect(signal?.event.event_data.subject).toEqual(printed.sub_id);
    },
  );

  it("are rejected when their time, issuer and audience are left as printed", async () => {
    for (const { claims: printed } of PUBLISHED) {
      expect(await verdict(await transmitter.sign(printed as never))).toBe("invalid_issuer");
    }
  });
});

describe("SetVerifier", () => {
  it("rejects a forged SET", async () => {
    const good = await transmitter.sign(claims() as never);
    expect(await verdict(good)).toBe("verified");
    const other = await newKey("RS256");
    expect(await verdict(await transmitter.sign(claims() as never, {}, other))).toBe("invalid_key");
    const stolenId = { ...other, kid: transmitter.key.kid };
    expect(await verdict(await transmitter.sign(claims() as never, {}, stolenId))).toBe(
      "authentication_failed",
    );
    const [head, , signature] = good.split(".");
    const changed = Buffer.from(JSON.stringify(claims({ jti: "another" }))).toString("base64url");
    expect(await verdict(`${head}.${changed}.${signature}`)).toBe("authentication_failed");
  });

  it("rejects a SET that is unsigned or signed with a shared secret", async () => {
    const body = Buffer.from(JSON.stringify(claims())).toString("base64url");
    const head = (alg: string) =>
      Buffer.from(JSON.stringify({ alg, typ: "secevent+jwt" })).toString("base64url");
    for (const alg of ["none", "None", "HS256"]) {
      expect(await verdict(`${head(alg)}.${body}.c2ln`)).toBe("invalid_key");
    }
    expect(await verdict(`${head("none")}.${body}.`)).toBe("invalid_key");
  });

  it.each([
    ["an access token", { typ: "at+jwt" }],
    ["a token without a type", { typ: undefined }],
    ["a logout token", { typ: "logout+jwt" }],
  ])("rejects %s as a SET", async (_, header) => {
    expect(await verdict(await transmitter.sign(claims() as never, header))).toBe(
      "invalid_request",
    );
  });

  it("accepts a typ header with the prefix application/", async () => {
    const text = await transmitter.sign(claims() as never, { typ: "application/secevent+jwt" });
    expect(await verdict(text)).toBe("verified");
  });

  it.each([
    ["another issuer", { iss: "https://other.example.com" }, "invalid_issuer"],
    ["no issuer", { iss: undefined }, "invalid_issuer"],
    ["another audience", { aud: ["https://other.example.com"] }, "invalid_audience"],
    ["no audience", { aud: undefined }, "invalid_request"],
    ["an exp", { exp: NOW_SECONDS + 60 }, "invalid_request"],
    ["a sub", { sub: "ada" }, "invalid_request"],
    ["no jti", { jti: undefined }, "invalid_request"],
    ["no iat", { iat: undefined }, "invalid_request"],
    ["a future iat", { iat: NOW_SECONDS + 3600 }, "invalid_request"],
    ["an old iat", { iat: NOW_SECONDS - 30 * 86_400 }, "invalid_request"],
    ["no events", { events: {} }, "invalid_request"],
    ["events that are a list", { events: [`${TYPE}session-revoked`] }, "invalid_request"],
    ["no subject", { sub_id: undefined }, "invalid_request"],
    ["a subject without its members", { sub_id: { format: "email" } }, "invalid_request"],
  ])("rejects a SET with %s", async (_, more, err) => {
    expect(await verdict(await transmitter.sign(claims(more) as never))).toBe(err);
  });

  it("rejects an oversized SET and text that isn't a JWS", async () => {
    const long = await transmitter.sign(claims({ padding: "x".repeat(40_000) }) as never);
    for (const text of [long, "", "a.b.c", "{}", "a.b.c.d.e"]) {
      expect(await verdict(text)).toMatch(/^invalid_(request|key)$/);
    }
  });

  it("rejects a SET for a different tenant", async () => {
    const of = (id: string) => ({
      format: "complex",
      user: { format: "email", email: "ada@example.com" },
      tenant: { format: "opaque", id },
    });
    const more = { tenants: ["ours"] };
    const text = (id: string) => transmitter.sign(claims({ sub_id: of(id) }) as never);
    expect(await verdict(await text("ours"), more)).toBe("verified");
    expect(await verdict(await text("theirs"), more)).toBe("access_denied");
  });

  it("retries when the keys can't be fetched and accepts a SET after a key rotation", async () => {
    const other = await startSignalTransmitter({ path: "/tenant" });
    try {
      const verifier = new SetVerifier([transmitterConfig(other.issuer)]);
      const of = () => other.sign({ ...claims(), iss: other.issuer } as never);
      other.status = 503;
      expect(await verifier.verify(await of(), NOW_MS)).toMatchObject({ status: "unavailable" });
      other.status = 200;
      expect(await verifier.verify(await of(), NOW_MS + 10_000)).toMatchObject({
        status: "verified",
      });
      other.others.push(other.key.publicJwk);
      other.key = await newKey("RS256");
      expect(await verifier.verify(await of(), NOW_MS + 60_000)).toMatchObject({
        status: "verified",
      });
    } finally {
      await other.close();
    }
  });

  it("rejects keys from metadata that names a different transmitter", async () => {
    const other = await startSignalTransmitter();
    try {
      other.metadata = { issuer: "https://idp.example.com" };
      const text = await other.sign({ ...claims(), iss: other.issuer } as never);
      const verifier = new SetVerifier([transmitterConfig(other.issuer)]);
      expect(await verifier.verify(text, NOW_MS)).toMatchObject({ status: "unavailable" });
    } finally {
      await other.close();
    }
  });
});

describe("readSubject", () => {
  const RFC9493 = [
    { format: "account", uri: "acct:example.user@service.example.com" },
    { format: "email", email: "user@example.com" },
    { format: "iss_sub", iss: "https://issuer.example.com/", sub: "145234573" },
    { format: "opaque", id: "11112222333344445555" },
    { format: "phone_number", phone_number: "+12065550100" },
    { format: "did", url: "did:example:123456/did/url/path?versionId=1" },
    { format: "uri", uri: "urn:uuid:4e851e98-83c4-4743-a5da-150ecb53042f" },
    {
      format: "aliases",
      identifiers: [
        { format: "email", email: "user@example.com" },
        { format: "phone_number", phone_number: "+12065550100" },
      ],
    },
  ];

  it.each(RFC9493.map((each) => [each.format, each] as const))(
    "accepts the format %s",
    (_, value) => {
      expect(readSubject(value)).toEqual({ kind: "simple", identifier: value });
    },
  );

  it.each([
    ["nothing", undefined],
    ["text", "ada"],
    ["a known format without its member", { format: "opaque", email: "a@b.c" }],
    [
      "aliases in aliases",
      { format: "aliases", identifiers: [{ format: "aliases", identifiers: [] }] },
    ],
    ["a nested complex subject", { format: "complex", user: { format: "complex" } }],
    ["a complex subject without members", { format: "complex" }],
    ["an empty id", { format: "opaque", id: "" }],
  ])("rejects %s as a subject", (_, value) => {
    expect(readSubject(value)).toBeUndefined();
  });

  it("maps subjects to clients, users and sessions as configured", async () => {
    const iss = transmitter.issuer;
    const user = async (sub_id: unknown, subjects = {}) =>
      (await toSignal({ sub_id, events: { [`${TYPE}credential-change`]: {} } }, { subjects }))
        .subject;
    expect(await user({ format: "iss_sub", iss, sub: "ada" })).toEqual({ userId: "ada" });
    // The same name from a different issuer is a different user.
    const theirs = { format: "iss_sub", iss: "https://evil.example.com", sub: "ada" };
    expect(await user(theirs)).toEqual({});
    expect(await user(theirs, { issuers: [theirs.iss], idPrefix: "corp:" })).toEqual({
      userId: "corp:ada",
    });
    expect(await user({ format: "email", email: "ada@example.com" })).toEqual({});
    const aliases = {
      format: "aliases",
      identifiers: [
        { format: "phone_number", phone_number: "+1" },
        { format: "email", email: "ada@example.com" },
      ],
    };
    expect(await user(aliases, { users: ["iss_sub", "email"] })).toEqual({
      userId: "ada@example.com",
    });
    expect(
      await user({
        format: "complex",
        user: { format: "iss_sub", iss, sub: "ada" },
        session: { format: "opaque", id: "s-1" },
        application: { format: "opaque", id: "app" },
        device: { format: "opaque", id: "d-1" },
      }),
    ).toEqual({ userId: "ada", sessionId: "s-1", clientId: "app" });
  });
});

describe("toSignals and responseTo", () => {
  it("store a signal of an unknown type", async () => {
    const uri = "https://vendor.example.com/secevent/impossible-travel";
    const { event, name } = await toSignal({ events: { [uri]: { distance_km: 9000 } } });
    expect(name).toBeUndefined();
    expect(event).toMatchObject({
      event_type: "signal_unknown",
      user_id: "ada",
      event_data: { signal: uri, details: { distance_km: 9000 }, txn: "8675309" },
    });
  });

  it("redact secrets in the signal's payload", async () => {
    const { event } = await toSignal({
      events: { [`${TYPE}token-claims-change`]: { claims: { token: "some-token-value" } } },
    });
    expect(JSON.stringify(event)).not.toContain("some-token-value");
  });

  it("create one event per transmitter and jti, however often the SET is delivered", async () => {
    const [first, repeated, other] = await Promise.all(
      [{}, {}, { jti: "other" }].map((more) => toSignal(more)),
    );
    expect(repeated?.event).toEqual(first?.event);
    expect(other?.event.id).not.toBe(first?.event.id);
  });

  const response = async (more: Record<string, unknown>, actions: Record<string, string>) => {
    const config = { actions };
    return responseTo(
      await toSignal(more, config),
      transmitterConfig(transmitter.issuer, config),
      NOW_MS,
    );
  };

  it("revoke the subject's access that started before the signal", async () => {
    const revoke = { "session-revoked": "enforce" };
    expect(await response({}, revoke)).toEqual({
      target: { kind: "user", id: "ada" },
      reason: "session-revoked of idp",
      transmitter: "idp",
      mode: "enforce",
      issuedBefore: "2026-11-25T07:59:56.000Z",
      idempotencyKey: expect.stringMatching(/^signal:[0-9a-f-]{36}$/),
    });
    const session = { format: "opaque", id: "dMTlD|1600802906337.16|16008.16" };
    expect(await response({ sub_id: session }, revoke)).toMatchObject({
      target: { kind: "session", id: session.id },
    });
    const both = { format: "complex", session, user: claims().sub_id };
    expect(await response({ sub_id: both }, revoke)).toMatchObject({ target: { kind: "session" } });
    expect(await response({ sub_id: { format: "email", email: "a@b.c" } }, revoke)).toBeUndefined();
  });

  it("revoke a session only up to the time stated in the signal", async () => {
    const late = {
      events: { [`${TYPE}session-revoked`]: { event_timestamp: NOW_SECONDS - 7200 } },
    };
    expect(await response(late, { "session-revoked": "enforce" })).toMatchObject({
      issuedBefore: "2026-11-25T06:00:01.000Z",
    });
    // One time is in the future, the other is in milliseconds.
    for (const event_timestamp of [NOW_SECONDS + 9999, NOW_MS]) {
      const events = { [`${TYPE}session-revoked`]: { event_timestamp } };
      expect(await response({ events }, { "session-revoked": "enforce" })).toMatchObject({
        issuedBefore: "2026-11-25T08:00:00.000Z",
      });
    }
  });

  it("revoke all access of a user whose account is disabled or compromised", async () => {
    const RISC = "https://schemas.openid.net/secevent/risc/event-type/";
    const sub_id = {
      format: "complex",
      session: { format: "opaque", id: "s-1" },
      user: claims().sub_id,
    };
    for (const name of [
      "account-disabled",
      "account-purged",
      "credential-compromise",
      "sessions-revoked",
    ]) {
      const events = { [`${RISC}${name}`]: {} };
      expect(await response({ sub_id, events }, { [name]: "propose" })).toMatchObject({
        target: { kind: "user", id: "ada" },
        mode: "propose",
      });
      expect(await response({ sub_id, events }, {})).toBeUndefined();
    }
  });

  it("ignore a signal that reports an improvement", async () => {
    const of = (name: string, payload: object) =>
      response({ events: { [`${TYPE}${name}`]: payload } }, { [name]: "enforce" });
    expect(await of("assurance-level-change", { change_direction: "increase" })).toBeUndefined();
    expect(await of("assurance-level-change", { change_direction: "decrease" })).toBeDefined();
    expect(await of("device-compliance-change", { current_status: "compliant" })).toBeUndefined();
    expect(await of("device-compliance-change", { current_status: "not-compliant" })).toBeDefined();
  });
});

describe("receiveSet", () => {
  const receiver = (
    published: OAuthEvent[],
    revocations: SignalRevocation[],
    down: string[] = [],
  ) => ({
    verifier: createVerifier({ actions: { "session-revoked": "enforce" } }),
    clock: () => NOW_MS,
    logger: recordingLogger(),
    sink: {
      publish: async (events: readonly OAuthEvent[]) => {
        if (down.includes("bus")) throw new Error("the bus is down");
        published.push(...events);
      },
    },
    revoke: async (revocation: SignalRevocation) => {
      if (down.includes("store")) throw new Error("throttled");
      revocations.push(revocation);
    },
  });

  it("still revokes when publishing fails, and publishes when revoking fails, and then throws", async () => {
    const text = await transmitter.sign(claims() as never);
    for (const [down, remaining] of [
      ["bus", [0, 1]],
      ["store", [1, 0]],
    ] as const) {
      const [published, revocations] = [[], []] as [OAuthEvent[], SignalRevocation[]];
      await expect(receiveSet(receiver(published, revocations, [down]), text)).rejects.toThrow();
      expect([published.length, revocations.length]).toEqual(remaining);
    }
  });

  it("creates the same event and the same action for a replayed SET", async () => {
    const text = await transmitter.sign(claims() as never);
    const [published, revocations] = [[], []] as [OAuthEvent[], SignalRevocation[]];
    const taking = receiver(published, revocations);
    await receiveSet(taking, text);
    await receiveSet(taking, text);
    expect(new Set(published.map(({ id }) => id)).size).toBe(1);
    expect(new Set(revocations.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
  });

  it("publishes and revokes nothing for a rejected SET", async () => {
    const [published, revocations] = [[], []] as [OAuthEvent[], SignalRevocation[]];
    const text = await transmitter.sign(claims({ aud: "https://other.example.com" }) as never);
    expect(await receiveSet(receiver(published, revocations), text)).toMatchObject({
      status: "rejected",
      err: "invalid_audience",
    });
    expect([published, revocations]).toEqual([[], []]);
  });
});
