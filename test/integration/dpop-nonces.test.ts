import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { getCaller } from "../../adapters/node/index.ts";
import { protectServer } from "../../adapters/node/oauth-monitoring.ts";
import { DpopNonces } from "../../shared/token-verifiers/dpop-nonces.ts";
import { API, dpopKey, startRealIssuer } from "./real-issuer.ts";
import { tokenScene } from "./token-scene.ts";

let real: Awaited<ReturnType<typeof startRealIssuer>>;
beforeAll(async () => {
  real = await startRealIssuer();
});
afterAll(() => real.close());

const SECRET_ARN = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:nonces-AbCdEf";
const SECRET = "a-secret-of-nonces-that-is-long-enough";

/** Starts a server that requires nonces, and a client with a token bound to its key. */
async function serverWithNonces(readSecret = async () => SECRET) {
  const made = await tokenScene(
    {
      issuers: [{ issuer: real.issuer, audiences: [API] }],
      dpop: { nonce: { secretArn: SECRET_ARN, lifetimeSeconds: 60 } },
    },
    readSecret,
  );
  made.time.nowMs = Date.now();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const monitoring = protectServer(
    {
      ...made.adapter,
      sink: {
        publish: async (events: typeof made.published) => void made.published.push(...events),
      },
    } as never,
    { publicOrigin: origin },
  );
  server.on("request", (request, response) =>
    monitoring.middleware(request, response, () => response.end(getCaller(request)?.user_id)),
  );
  const key = await dpopKey();
  const bound = { DPoP: await key.prove("POST", `${real.issuer}/token`, Date.now() / 1000) };
  const { access_token: token } = await real.userTokens("ada", { resource: API, headers: bound });
  const call = async (nonce?: unknown) => {
    const proof = await key.prove("GET", `${origin}/api/data`, made.nowSeconds(), {
      accessToken: token,
      claims: nonce === undefined ? {} : { nonce },
    });
    const answer = await fetch(`${origin}/api/data`, {
      headers: { authorization: `DPoP ${token}`, dpop: proof },
    });
    return {
      status: answer.status,
      nonce: answer.headers.get("dpop-nonce"),
      challenge: answer.headers.get("www-authenticate"),
      text: await answer.text(),
    };
  };
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  const reasons = async () => {
    await monitoring.flush();
    return made.ofType("auth_failed").map(({ event_data }) => event_data.reason);
  };
  return { ...made, call, close, reasons };
}

describe("adapter that requires nonces", () => {
  it("issues a nonce for a proof without one, accepts it, and issues a new one when it is old", async () => {
    const { call, close, reasons, time, world } = await serverWithNonces();
    world.traffic.reset();
    const first = await call();
    expect(first).toMatchObject({
      status: 401,
      challenge: expect.stringContaining("use_dpop_nonce"),
    });
    expect(first.nonce).toMatch(/^[A-Za-z0-9_-]{43}$/);
    // Costs no round trip.
    expect(world.traffic.roundTrips).toBe(0);
    expect(await call(first.nonce)).toMatchObject({ status: 200, text: "ada", nonce: null });
    expect((await call(first.nonce)).status).toBe(200);
    expect(JSON.parse((await call("made-up")).text)).toMatchObject({ error: "use_dpop_nonce" });
    expect((await call(7)).status).toBe(401);
    time.nowMs += 60_000;
    expect((await call(first.nonce)).status).toBe(200);
    time.nowMs += 60_000;
    const late = await call(first.nonce);
    expect(late.status).toBe(401);
    expect((await call(late.nonce)).status).toBe(200);
    expect(await reasons()).toEqual([
      "missing_dpop_nonce",
      "stale_dpop_nonce",
      "missing_dpop_nonce",
      "stale_dpop_nonce",
    ]);
    close();
  });

  it("denies calls as unavailable while its secret is unreadable or too short", async () => {
    let secret: string | undefined;
    const { call, close, time } = await serverWithNonces(async () => {
      if (secret === undefined) throw new Error("AccessDeniedException");
      return secret;
    });
    expect((await call()).status).toBe(503);
    secret = "short";
    time.nowMs += 1;
    expect((await call()).status).toBe(503);
    secret = SECRET;
    time.nowMs += 300_001;
    expect((await call()).status).toBe(401);
    close();
  });
});

describe("nonces", () => {
  const options = { secretArn: SECRET_ARN, lifetimeSeconds: 60 };
  const T = 1_700_000_000_000 - (1_700_000_000_000 % 60_000);

  it("are the same at all adapters with the same secret, and valid for two windows", async () => {
    const [one, other] = [0, 1].map(() => new DpopNonces(options, async () => SECRET));
    const nonce = String(await one?.current(T));
    expect(await other?.current(T + 59_999)).toBe(nonce);
    expect(await other?.current(T + 60_000)).not.toBe(nonce);
    expect(await other?.rejection(nonce, T + 119_999)).toBeUndefined();
    expect(await other?.rejection(nonce, T + 120_000)).toBe("stale_dpop_nonce");
    expect(await other?.rejection(nonce, T - 1)).toBe("stale_dpop_nonce");
    const foreign = new DpopNonces(options, async () => `${SECRET}!`);
    expect(await foreign.rejection(nonce, T)).toBe("stale_dpop_nonce");
  });

  it("are accepted soon after the secret changes, without reading the secret for each nonce", async () => {
    let [secret, reads] = [SECRET, 0];
    const nonces = new DpopNonces(options, async () => {
      reads += 1;
      return secret;
    });
    await nonces.prepare(T);
    secret = `${SECRET}-replaced`;
    const newer = await new DpopNonces(options, async () => secret).current(T);
    for (let n = 0; n < 20; n += 1) {
      expect(await nonces.rejection(`made-up-${n}`, T + 1000)).toBe("stale_dpop_nonce");
    }
    expect(reads).toBe(1);
    expect(await nonces.rejection(newer, T + 10_001)).toBeUndefined();
    expect(reads).toBe(2);
  });
});
