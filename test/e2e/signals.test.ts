import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { synthesize } from "../../infra/synthesize.ts";
import type { Assembly } from "../../local/services/template.ts";
import { type SignalTransmitter, startSignalTransmitter } from "../signal-transmitter.ts";
import { useStack } from "./stack.ts";

const AUDIENCE = "https://sp.example.com";
const CAEP = "https://schemas.openid.net/secevent/caep/event-type/";
const secretOf = (name: string) =>
  `arn:aws:secretsmanager:us-east-1:000000000000:secret:${name}-AbCdEf`;

const directory = mkdtempSync(join(tmpdir(), "signals-"));
let pushing: SignalTransmitter;
let polled: SignalTransmitter;
let assembly: Assembly;

/** The polled transmitter's stream: SETs by jti, and what was said of them. */
const stream = {
  sets: new Map<string, string>(),
  acked: [] as string[],
  errors: {} as Record<string, { err: string }>,
  authorizations: new Set<string | undefined>(),
  server: undefined as Server | undefined,
};

async function startStream(): Promise<string> {
  stream.server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const { maxEvents, ack = [], setErrs = {} } = JSON.parse(body);
    stream.authorizations.add(request.headers.authorization);
    stream.acked.push(...ack);
    Object.assign(stream.errors, setErrs);
    for (const jti of [...ack, ...Object.keys(setErrs)]) stream.sets.delete(jti);
    const sets = Object.fromEntries([...stream.sets].slice(0, maxEvents));
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ sets, moreAvailable: stream.sets.size > maxEvents }));
  });
  await new Promise<void>((resolve) => stream.server?.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(stream.server.address() as AddressInfo).port}/poll`;
}

beforeAll(async () => {
  [pushing, polled] = await Promise.all([startSignalTransmitter(), startSignalTransmitter()]);
  const endpoint = await startStream();
  assembly = synthesize(join(directory, "cdk.out"), {
    signals: {
      receiver: {
        transmitters: [
          {
            name: "idp",
            issuer: pushing.issuer,
            audiences: [AUDIENCE],
            pushAuthorizationSecretArn: secretOf("push"),
          },
          {
            name: "edr",
            issuer: polled.issuer,
            audiences: [AUDIENCE],
            subjects: { users: ["email"] },
            poll: { endpoint, authorizationSecretArn: secretOf("poll"), maxEvents: 2 },
          },
        ],
      },
    },
  });
});
afterAll(async () => {
  stream.server?.closeAllConnections();
  stream.server?.close();
  await Promise.all([pushing?.close(), polled?.close()]);
  rmSync(directory, { recursive: true, force: true });
});

const scene = useStack({
  assembly: () => assembly,
  secrets: new Map([
    [secretOf("push"), "Bearer agreed"],
    [secretOf("poll"), "Bearer of-the-stream"],
  ]),
});

function setClaims(transmitter: SignalTransmitter, jti: string, more = {}) {
  return {
    iss: transmitter.issuer,
    jti,
    iat: Math.floor(Date.now() / 1000),
    aud: AUDIENCE,
    sub_id: { format: "iss_sub", iss: transmitter.issuer, sub: "ada" },
    events: { [`${CAEP}session-revoked`]: { reason_admin: { en: "Stolen laptop" } } },
    ...more,
  };
}

async function push(body: string, headers: Record<string, string> = {}) {
  const [url] = scene().stack.endpoints.values();
  const response = await fetch(`${url}/signals/events`, {
    method: "POST",
    headers: {
      "content-type": "application/secevent+jwt",
      authorization: "Bearer agreed",
      ...headers,
    },
    body,
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

const eventsOf = async (type: string) =>
  (await scene().get(`/admin/oauth/events?type=${type}`, scene().admin)).body.events;

describe("a pushed SET", () => {
  it("is accepted, and its event is stored once, with who and why", async () => {
    const text = await pushing.sign(setClaims(pushing, "push-1"));
    const accepted = await push(text);
    expect([accepted.status, accepted.text]).toEqual([202, ""]);
    expect((await push(text)).status).toBe(202);
    await scene().settle();
    const events = await eventsOf("signal_session_revoked");
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      user_id: "ada",
      event_data: {
        transmitter: "idp",
        issuer: pushing.issuer,
        jti: "push-1",
        reason_admin: { en: "Stolen laptop" },
      },
    });
    // The SET itself is a bearer of trust elsewhere: nothing keeps it.
    expect(await scene().storeText()).not.toContain(text.split(".")[2]);
    expect(scene().logs.join()).not.toContain(text.split(".")[2]);
  });

  it("is refused in the words of RFC 8935", async () => {
    const text = await pushing.sign(setClaims(pushing, "push-2"));
    const err = async (body: string, headers = {}) => {
      const answer = await push(body, headers);
      expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
      return [answer.status, JSON.parse(answer.text).err];
    };
    expect(await err(text, { "content-type": "application/json" })).toEqual([
      400,
      "invalid_request",
    ]);
    expect(await err(text, { authorization: "Bearer guessed" })).toEqual([
      400,
      "authentication_failed",
    ]);
    expect(await err("not a SET")).toEqual([400, "invalid_request"]);
    expect(await err("x".repeat(200_000))).toEqual([400, "invalid_request"]);
    const elsewhere = setClaims(pushing, "push-3", { aud: "https://other.example.com" });
    expect(await err(await pushing.sign(elsewhere))).toEqual([400, "invalid_audience"]);
    const stranger = await polled.sign(setClaims(pushing, "push-4"));
    expect((await err(stranger))[1]).toBe("invalid_key");
    await scene().settle();
    expect(await eventsOf("signal_session_revoked")).toHaveLength(1);
  });

  it("is to be sent again while the bus does not take its event", async () => {
    const text = await pushing.sign(setClaims(pushing, "push-5"));
    scene().stack.eventBus.down = true;
    const late = await push(text);
    expect([late.status, late.headers.get("retry-after")]).toEqual([503, "30"]);
    scene().stack.eventBus.down = false;
    expect((await push(text)).status).toBe(202);
    await scene().settle();
    expect(await eventsOf("signal_session_revoked")).toHaveLength(2);
  });
});

describe("a stream that is polled", () => {
  it("is emptied, and each SET is acknowledged or refused", async () => {
    const email = { sub_id: { format: "email", email: "ada@example.com" } };
    for (const jti of ["p1", "p2", "p3", "p4"]) {
      stream.sets.set(jti, await polled.sign(setClaims(polled, jti, email)));
    }
    stream.sets.set("bad", await polled.sign(setClaims(polled, "bad", { aud: "other" })));
    // The SET of another transmitter that is known here has no place in this stream.
    stream.sets.set("mixed", await pushing.sign(setClaims(pushing, "mixed")));
    await scene().send("POST", "/_local/schedules/signal-poll/run", {});
    await scene().settle();
    expect(stream.sets.size).toBe(0);
    expect(stream.acked.sort()).toEqual(["p1", "p2", "p3", "p4"]);
    expect(stream.errors).toMatchObject({
      bad: { err: "invalid_audience" },
      mixed: { err: "authentication_failed" },
    });
    expect(stream.authorizations).toEqual(new Set(["Bearer of-the-stream"]));
    const events = await eventsOf("signal_session_revoked");
    expect(
      events.filter((each: { user_id?: string }) => each.user_id === "ada@example.com"),
    ).toHaveLength(4);
  });

  it("keeps a SET whose event is not safe", async () => {
    stream.sets.set("p5", await polled.sign(setClaims(polled, "p5")));
    scene().stack.eventBus.down = true;
    await scene().send("POST", "/_local/schedules/signal-poll/run", {});
    expect([...stream.sets.keys()]).toEqual(["p5"]);
    scene().stack.eventBus.down = false;
    await scene().send("POST", "/_local/schedules/signal-poll/run", {});
    expect(stream.sets.size).toBe(0);
  });
});
