import { type AddressInfo, createServer, isIPv6 } from "node:net";
import { describe, expect, it } from "vitest";
import { createEvent } from "../../shared/events/oauth-event.ts";
import {
  postToReceiver,
  publicAgent,
} from "../../shared/integrations/shared-signals/deliver-set.ts";
import { outgoingSignals } from "../../shared/integrations/shared-signals/outgoing-signals.ts";
import { isPushable } from "../../shared/integrations/shared-signals/stream.ts";
import { readSubject } from "../../shared/integrations/shared-signals/subject-identifier.ts";
import { isInStream, subjectsMatch } from "../../shared/integrations/shared-signals/transmit.ts";

const AT_MS = Date.parse("2026-11-25T08:00:00.500Z");
const NAMES = { userIssuer: "https://login.example.com/" };

function out(
  eventType: string,
  details: Record<string, unknown>,
  subject: { clientId?: string; userId?: string } = {},
) {
  return outgoingSignals(createEvent({ eventType, details, ...subject }, AT_MS), NAMES);
}

const action = (more: Record<string, unknown> = {}) => ({
  action_id: "a",
  action: "revoke",
  target: { kind: "user", id: "ada" },
  reason: "Stolen laptop",
  actor: { kind: "administrator", id: "ops" },
  ...more,
});

const alert = (more: Record<string, unknown> = {}) => ({
  rule: "failure_burst",
  message: "Many failures.",
  subject: { kind: "client", id: "app" },
  ...more,
});

const types = (signals: readonly { uri: string }[]) =>
  signals.map(({ uri }) => uri.replace(/^.*\/secevent\/(\w+)\/event-type\//, "$1 "));

describe("outgoingSignals for an action", () => {
  it("sends session-revoked with the initiator and the reason", () => {
    expect(out("action_taken", action(), { userId: "ada" })).toEqual([
      {
        uri: "https://schemas.openid.net/secevent/caep/event-type/session-revoked",
        payload: {
          event_timestamp: 1_795_593_600,
          initiating_entity: "admin",
          reason_admin: { en: "Stolen laptop" },
        },
        subject: { format: "iss_sub", iss: NAMES.userIssuer, sub: "ada" },
      },
    ]);
    const policy = action({ actor: { kind: "policy", id: "token_theft" } });
    expect(out("action_taken", policy)[0]?.payload.initiating_entity).toBe("policy");
  });

  it.each([
    ["client", { format: "complex", application: { format: "opaque", id: "x" } }],
    ["session", { format: "complex", session: { format: "opaque", id: "x" } }],
    ["token", { format: "complex", session: { format: "opaque", id: "x" } }],
  ])("names a %s in a complex subject", (kind, subject) => {
    expect(out("action_taken", action({ target: { kind, id: "x" } }))[0]?.subject).toEqual(subject);
  });

  it("sends account-disabled and account-enabled when a user is blocked and released", () => {
    const block = action({ action: "block", until: "2026-11-26T08:00:00.000Z" });
    expect(types(out("action_taken", block))).toEqual(["risc account-disabled"]);
    expect(types(out("action_released", block))).toEqual(["risc account-enabled"]);
    const session = action({ action: "block", target: { kind: "session", id: "s" } });
    expect(types(out("action_released", session))).toEqual([]);
  });

  it("sends nothing for an action that was triggered by a signal, to prevent loops", () => {
    expect(out("action_taken", action({ actor: { kind: "receiver", id: "idp" } }))).toEqual([]);
  });

  it("sends nothing for a proposed action or for an action on an address", () => {
    expect(out("action_proposed", action())).toEqual([]);
    expect(out("action_dry_run", action())).toEqual([]);
    for (const target of [
      { kind: "address", id: "203.0.113.9" },
      { kind: "network", id: "203.0.113.0/24" },
    ]) {
      expect(out("action_taken", action({ action: "block", target }))).toEqual([]);
    }
  });
});

describe("outgoingSignals for an alert", () => {
  it("sends a high risk level for an alert and a low risk level once the alert is resolved", () => {
    const [opened] = out("suspicious_activity", alert(), { clientId: "app" });
    expect(types([opened as never])).toEqual(["caep risk-level-change"]);
    expect(opened?.payload).toMatchObject({
      principal: "CLIENT",
      current_level: "HIGH",
      risk_reason: "failure_burst",
    });
    const [resolved] = out("alert_resolved", alert(), { clientId: "app" });
    expect(resolved?.payload).toMatchObject({ current_level: "LOW", previous_level: "HIGH" });
  });

  it("sends credential-compromise for a stolen token", () => {
    const stolen = alert({ rule: "token_theft", subject: { kind: "token", id: "t" } });
    const [signal] = out("suspicious_activity", stolen, { clientId: "app" });
    expect(types([signal as never])).toEqual(["risc credential-compromise"]);
    expect(signal?.subject).toEqual({
      format: "complex",
      session: { format: "opaque", id: "t" },
      application: { format: "opaque", id: "app" },
    });
  });

  it("sends nothing for an alert that was raised manually without a rule", () => {
    expect(out("suspicious_activity", { message: "Look at this." })).toEqual([]);
  });
});

describe("outgoingSignals for all events", () => {
  const all = [
    out("action_taken", action()),
    out("suspicious_activity", alert({ subject: { kind: "ip", id: "203.0.113.9" } })),
    out("access_revoked", { principal: "session", session_id: "s" }),
    out("access_revoked", { principal: "user" }, { userId: "ada" }),
    out("access_revoked", { principal: "client" }, { clientId: "app" }),
  ].flat();

  it("sends a standard subject and a reason, as the interoperability profile requires", () => {
    expect(all).toHaveLength(5);
    for (const { subject, payload } of all) {
      expect(readSubject(subject)).toBeDefined();
      expect((payload.reason_admin as { en: string }).en).not.toBe("");
    }
  });

  it("sends nothing for malformed events", () => {
    for (const type of ["action_taken", "suspicious_activity", "access_revoked"]) {
      expect(out(type, { target: "x", token_id: 7, subject: [], session_id: null })).toEqual([]);
    }
    // The action's signal covers the tokens and sessions that the action ends.
    for (const type of ["token_used", "token_revoked", "session_ended"]) {
      expect(out(type, { token_id: "t", session_id: "s" }, { userId: "ada" })).toEqual([]);
    }
  });
});

describe("subjectsMatch and isInStream", () => {
  const user = { format: "email", email: "jdoe@example.com" };
  const tenant = { format: "opaque", id: "example-a38h4792-uw2" };
  const complex = (members: object) => ({ format: "complex", ...members });

  it("match subjects as in the three examples of the framework", () => {
    expect(subjectsMatch(complex({ tenant }), complex({ tenant, user }))).toBe(true);
    const device = { format: "ip-addresses", "ip-addresses": ["10.29.37.75"] };
    expect(subjectsMatch(complex({ user, device }), complex({ user }))).toBe(true);
    const group = (url: string) => complex({ user, group: { format: "did", url } });
    expect(subjectsMatch(group("did:example:123456"), group("did:example:9999999"))).toBe(false);
  });

  it("match identical simple subjects in any member order", () => {
    const one = { format: "iss_sub", iss: "https://a.example.com", sub: "1" };
    const same = { sub: "1", iss: "https://a.example.com", format: "iss_sub" };
    expect(subjectsMatch(one, same)).toBe(true);
    expect(subjectsMatch(one, { ...one, sub: "2" })).toBe(false);
    expect(subjectsMatch(one, complex({ user: one, session: tenant }))).toBe(true);
    expect(subjectsMatch(one, complex({ session: tenant }))).toBe(false);
  });

  it("include a subject in a stream by default or only when it was added", () => {
    const named = (added: boolean) => [{ subject: user, added }];
    expect(isInStream(user, [], true)).toBe(true);
    expect(isInStream(user, [], false)).toBe(false);
    expect(isInStream(user, named(true), false)).toBe(true);
    expect(isInStream(user, named(false), true)).toBe(false);
    expect(isInStream(complex({ user, session: tenant }), named(false), true)).toBe(false);
  });
});

describe("isPushable", () => {
  it.each([
    ["https://receiver.example.com/events", true],
    ["https://8.8.8.8/events", true],
    ["http://receiver.example.com/events", false],
    ["http://127.0.0.1:9001/2018-06-01/runtime/invocation/next", false],
    ["https://localhost/", false],
    ["https://10.1.2.3/", false],
    ["https://172.20.0.1/", false],
    ["https://192.168.1.1/", false],
    ["https://169.254.169.254/latest/meta-data/", false],
    ["https://100.100.0.1/", false],
    ["https://[::1]/", false],
    ["https://0x7f000001/", false],
    ["https://2130706433/", false],
    ["https://metadata.google.internal/", false],
    ["https://user:secret@receiver.example.com/", false],
    ["https://0.0.0.0/", false],
    ["https://192.0.0.8/", false],
    ["https://192.0.2.1/", false],
    ["https://198.18.0.1/", false],
    ["https://224.0.0.1/", false],
    ["https://240.0.0.1/", false],
    ["https://255.255.255.255/", false],
    ["https://[::ffff:10.0.0.1]/", false],
    ["https://[::127.0.0.1]/", false],
    ["https://[64:ff9b::a00:1]/", false],
    ["https://[2002:7f00:1::]/", false],
    ["https://[fe80::1]/", false],
    ["https://[fd00:ec2::254]/", false],
    ["https://[2606:4700::6810:84e5]/", true],
    ["https://LOCALHOST./", false],
    ["https://a.localhost/", false],
    ["https://metadata.google.internal./", false],
    ["https://10.example.com/", true],
    ["https://localhost.example.com/", true],
    ["https://internal.example.com/", true],
    ["https://localhosts.example/", true],
    ["file:///etc/passwd", false],
    ["no url", false],
  ])("returns for %s: %s", (url, expected) => {
    expect(isPushable(url, "https://abc.execute-api.us-east-1.amazonaws.com")).toBe(expected);
  });

  it("accepts this machine only when the transmitter also runs on it", () => {
    expect(isPushable("http://127.0.0.1:3000/signals/events", "http://127.0.0.1:3001")).toBe(true);
    expect(isPushable("http://192.168.1.1/", "http://127.0.0.1:3001")).toBe(false);
  });
});

describe("postToReceiver", () => {
  const post = (url: string, addresses: readonly string[]) =>
    postToReceiver(
      url,
      { headers: {}, body: "set" },
      publicAgent((_, __, callback) =>
        callback(
          null,
          addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 })),
        ),
      ),
    );

  it.each([
    [["127.0.0.1"]],
    [["::ffff:127.0.0.1"]],
    [["::1"]],
    [["169.254.169.254"]],
    // The system could connect to any of these addresses.
    [["8.8.8.8", "127.0.0.1"]],
  ])("rejects a public name that resolves to %j", async (addresses) => {
    let connections = 0;
    const server = createServer(() => (connections += 1));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const url = `https://receiver.example.com:${port}/events`;
    expect(isPushable(url, "https://api.example.com")).toBe(true);
    await expect(post(url, addresses)).rejects.toThrow(/special-use address/);
    expect(connections).toBe(0);
    server.close();
  });

  it("fails when the name has no address", async () => {
    await expect(post("https://receiver.example.com/", [])).rejects.toThrow(/has no address/);
  });
});
