import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { registerInternalExtension } from "../../adapters/lambda/internal-extension.ts";
import {
  toAppSyncResult,
  toAuthorizerResult,
  UnauthorizedError,
  UnavailableError,
} from "../../functions/authorizer/authorizer-response.ts";
import type { Decision } from "../../shared/authorization/decision.ts";
import type { AccessToken } from "../../shared/tokens/access-token.ts";
import type { ClientSession } from "../../shared/tokens/client-session.ts";

const ARN = "arn:aws:execute-api:eu-central-1:111122223333:abc123/prod/GET/api/x";

const token: AccessToken = {
  token_digest: "d",
  token_id: "t1",
  oauth_client_id: "app",
  user_id: "ada",
  scopes: ["api:read", "mcp:use"],
  issued_at: "2026-11-23T10:00:00.000Z",
  expires_at: "2026-11-23T11:00:00.000Z",
};

const session: ClientSession = {
  session_digest: "s",
  session_id: "s1",
  oauth_client_id: "app",
  scopes: ["mcp:use", "mcp:list"],
  started_at: "2026-11-23T10:00:00.000Z",
  expires_at: "2026-11-23T11:00:00.000Z",
};

const answer = (decision: Decision, arn = ARN) => toAuthorizerResult(decision, arn, "shop");

describe("toAppSyncResult", () => {
  it("allows only the current call and passes the caller's identity to the resolvers", () => {
    expect(toAppSyncResult({ outcome: "allowed", token, session })).toEqual({
      isAuthorized: true,
      resolverContext: {
        oauth_client_id: "app",
        user_id: "ada",
        token_id: "t1",
        scope: "api:read mcp:use",
        expires_at: "2026-11-23T11:00:00.000Z",
        session_id: "s1",
        session_scope: "mcp:use mcp:list",
      },
      ttlOverride: 0,
    });
  });

  it.each<Decision>([
    { outcome: "unauthenticated", reason: "revoked_token" },
    { outcome: "insufficient_scope", token, requiredScopes: ["api:write"] },
    { outcome: "invalid_session", token, reason: "missing_session" },
  ])("denies $outcome and turns off caching", (decision) => {
    expect(toAppSyncResult(decision)).toEqual({ isAuthorized: false, ttlOverride: 0 });
  });

  it("throws when no decision was reached", () => {
    expect(() => toAppSyncResult({ outcome: "unavailable" })).toThrow(UnavailableError);
  });
});

describe("toAuthorizerResult", () => {
  it("allows only the called method and passes the caller's identity to the backend", () => {
    expect(answer({ outcome: "allowed", token })).toEqual({
      principalId: "ada",
      policyDocument: {
        Version: "2012-10-17",
        Statement: [{ Action: "execute-api:Invoke", Effect: "Allow", Resource: ARN }],
      },
      context: {
        oauth_client_id: "app",
        user_id: "ada",
        token_id: "t1",
        scope: "api:read mcp:use",
        expires_at: "2026-11-23T11:00:00.000Z",
      },
    });
  });

  it("uses the client as the principal when there is no user, and includes the session", () => {
    const { user_id: _, ...service } = token;
    const { principalId, context } = answer({ outcome: "allowed", token: service, session });
    expect(principalId).toBe("app");
    expect(context).toMatchObject({ session_id: "s1", session_scope: "mcp:use mcp:list" });
    expect(context).not.toHaveProperty("user_id");
  });

  it("denies a call without a required scope and names the scope", () => {
    const requiredScopes = ["api:write", "api:admin"];
    const { principalId, policyDocument, context } = answer({
      outcome: "insufficient_scope",
      token,
      requiredScopes,
    });
    expect(principalId).toBe("app");
    expect(policyDocument.Statement).toMatchObject([{ Effect: "Deny", Resource: ARN }]);
    const description = "The request requires the scope api:write api:admin";
    expect(context).toEqual({
      error: "insufficient_scope",
      error_description: description,
      scope: "api:write api:admin",
      www_authenticate: `Bearer realm="shop", error="insufficient_scope", error_description="${description}", scope="api:write api:admin"`,
    });
  });

  it.each([
    ["missing_session", "Send its id"],
    ["unknown_session", "unknown"],
    ["expired_session", "expired"],
    ["foreign_session", "another client"],
  ] as const)("denies a call with %s and says what to do", (reason, words) => {
    const { policyDocument, context } = answer({ outcome: "invalid_session", token, reason });
    expect(policyDocument.Statement).toMatchObject([{ Effect: "Deny" }]);
    expect(context).toMatchObject({ error: "invalid_session", scope: "" });
    expect(context?.error_description).toContain(words);
    expect(context?.www_authenticate).toBe(
      `Bearer realm="shop", error="invalid_session", error_description="${context?.error_description}"`,
    );
  });

  it("throws the errors that API Gateway turns into 401 and 503 responses", () => {
    const unauthenticated = () => answer({ outcome: "unauthenticated", reason: "unknown_token" });
    expect(unauthenticated).toThrow(UnauthorizedError);
    // The name and message must match exactly.
    expect(unauthenticated).toThrow(expect.objectContaining({ name: "Error" }));
    expect(unauthenticated).toThrow(/^Unauthorized$/);
    const unavailable = () => answer({ outcome: "unavailable" });
    expect(unavailable).toThrow(UnavailableError);
    expect(unavailable).toThrow(expect.objectContaining({ name: "UnavailableError" }));
  });

  it.each<Decision>([
    { outcome: "unauthenticated", reason: "unknown_token" },
    { outcome: "unavailable" },
  ])("writes at most 260 bytes to the runtime log for an error: $outcome", (decision) => {
    let thrown: Error | undefined;
    try {
      answer(decision);
    } catch (error) {
      thrown = error as Error;
    }
    // The log line that aws-lambda-ric 4 writes for an error in the JSON format.
    const line = JSON.stringify({
      timestamp: "2026-11-23T10:00:00.000Z",
      level: "ERROR",
      requestId: "6f747a06-8c9f-4d8b-a5a0-f1b6b9a5c3d1",
      message: {
        errorType: thrown?.constructor.name,
        errorMessage: thrown?.message,
        stackTrace: thrown?.stack?.split("\n"),
        ...thrown,
      },
    });
    expect(line).toContain(thrown?.message);
    expect(Buffer.byteLength(line)).toBeLessThanOrEqual(260);
  });

  it("shortens an ARN that exceeds API Gateway's limit", () => {
    const resource = (length: number) => {
      const { policyDocument } = answer({ outcome: "allowed", token }, ARN.padEnd(length, "x"));
      return (policyDocument.Statement[0] as { Resource: string }).Resource;
    };
    expect(resource(512)).toBe(ARN.padEnd(512, "x"));
    expect(resource(513)).toBe(`${ARN.padEnd(511, "x")}*`);
  });
});

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

/** Simulates the Lambda Extensions API. A request for the next event waits until the test answers it. */
async function lambda(
  registered: (response: ServerResponse) => void = (response) =>
    response.writeHead(200, { "lambda-extension-identifier": "ext-1" }).end("{}"),
) {
  const calls: {
    method: string;
    path: string;
    headers: IncomingMessage["headers"];
    body: string;
  }[] = [];
  const waiting: ServerResponse[] = [];
  const arrivals: (() => void)[] = [];
  server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { method = "", url = "", headers } = request;
    calls.push({ method, path: url, headers, body });
    if (url.endsWith("/register")) return registered(response);
    waiting.push(response);
    arrivals.shift()?.();
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  const api = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  /** Resolves when the extension asks for the next event. */
  const nextRequested = async () => {
    if (waiting.length === 0) await new Promise<void>((resolve) => arrivals.push(resolve));
  };
  const answerNext = async (status = 200, body = "{}") => {
    await nextRequested();
    waiting.shift()?.writeHead(status).end(body);
  };
  return { api, calls, nextRequested, answerNext };
}

const later = () => new Promise((resolve) => setTimeout(resolve, 30));

describe("registerInternalExtension", () => {
  it("registers for invocations under its name and requests the next event with the assigned identifier", async () => {
    const { api, calls, nextRequested } = await lambda();
    await registerInternalExtension(api, () => {});
    await nextRequested();
    expect(calls).toMatchObject([
      {
        method: "POST",
        path: "/2020-01-01/extension/register",
        headers: { "lambda-extension-name": "oauth-monitoring-events" },
        body: '{"events":["INVOKE"]}',
      },
      {
        method: "GET",
        path: "/2020-01-01/extension/event/next",
        headers: { "lambda-extension-identifier": "ext-1" },
      },
    ]);
  });

  it("returns immediately, runs the work after the response and then asks for the next event", async () => {
    const { api, calls, answerNext, nextRequested } = await lambda();
    const after = await registerInternalExtension(api, () => {});
    for (const invocation of [1, 2]) {
      let done = () => {};
      let started = false;
      await answerNext();
      await after.run(() => {
        started = true;
        return new Promise<void>((resolve) => (done = resolve));
      });
      expect(started).toBe(false);
      await later();
      expect(started).toBe(true);
      expect(calls).toHaveLength(1 + invocation);
      done();
      await nextRequested();
      expect(calls).toHaveLength(2 + invocation);
    }
  });

  it("starts the work only after a runtime has posted the response one event loop turn later", async () => {
    const { api, answerNext, nextRequested } = await lambda();
    const after = await registerInternalExtension(api, () => {});
    const order: string[] = [];
    await answerNext();
    // Like aws-lambda-ric 4, with a handler that awaits more than once before it returns.
    await (async () => {
      try {
        await later();
      } finally {
        await after.run(async () => void order.push("work"));
      }
    })();
    await new Promise((resolve) => setImmediate(resolve));
    order.push("response");
    await nextRequested();
    expect(order).toEqual(["response", "work"]);
  });

  it("runs work that was added before the invocation event arrived", async () => {
    const { api, answerNext, nextRequested } = await lambda();
    const after = await registerInternalExtension(api, () => {});
    await nextRequested();
    const works: number[] = [];
    await after.run(async () => void works.push(1));
    await later();
    expect(works).toEqual([]);
    await answerNext();
    await nextRequested();
    expect(works).toEqual([1]);
  });

  it("reports failed work and continues with later work", async () => {
    const { api, answerNext, nextRequested } = await lambda();
    const failures: unknown[] = [];
    const after = await registerInternalExtension(api, (error) => failures.push(error));
    await after.run(() => Promise.reject("no bus"));
    await answerNext();
    await nextRequested();
    expect(failures).toEqual(["no bus"]);
  });

  it("runs the work before the response when there is no Extensions API", async () => {
    const failures: unknown[] = [];
    const rejected = await lambda((response) => response.writeHead(403).end("{}"));
    const broken = await lambda((response) => response.destroy());
    for (const api of [undefined, rejected.api, broken.api]) {
      const after = await registerInternalExtension(api, (error) => failures.push(error));
      let works = 0;
      await after.run(async () => {
        await later();
        works += 1;
      });
      expect(works).toBe(1);
    }
    // A denied registration is a valid response. A broken connection is reported.
    expect(failures).toHaveLength(1);
  });

  it("loses no work when the API disconnects and runs later work before the response", async () => {
    const { api, answerNext, nextRequested } = await lambda();
    const failures: unknown[] = [];
    const after = await registerInternalExtension(api, (error) => failures.push(error));
    await nextRequested();
    const works: number[] = [];
    await after.run(() => Promise.reject("lost"));
    await after.run(async () => void works.push(1));
    await answerNext(500);
    await later();
    expect(works).toEqual([1]);
    expect(failures).toEqual([expect.objectContaining({ message: expect.any(String) }), "lost"]);
    await after.run(async () => void works.push(2));
    expect(works).toEqual([1, 2]);
  });

  describe("registerInternalExtension when some invocations have no work", () => {
    const invoke = (requestId: string) => JSON.stringify({ eventType: "INVOKE", requestId });

    it("doesn't wait for invocations without announced work and runs late work before the response", async () => {
      const { api, calls, answerNext, nextRequested } = await lambda();
      const after = await registerInternalExtension(api, () => {}, { maxWaitMs: 1 });
      await answerNext(200, invoke("one"));
      await vi.waitFor(() => expect(calls).toHaveLength(3));
      await nextRequested();
      expect(after.announce("one")).toBe(false);
      const works: string[] = [];
      await after.run(async () => void works.push("one"), "one");
      expect(works).toEqual(["one"]);
      // Work for the previous invocation doesn't release the next one.
      expect(after.announce("two")).toBe(true);
      await after.run(async () => void works.push("two"), "two");
      expect(works).toEqual(["one"]);
      await answerNext(200, invoke("two"));
      await nextRequested();
      expect(works).toEqual(["one", "two"]);
    });

    it("waits for announced work no matter how late it is added", async () => {
      const { api, calls, answerNext, nextRequested } = await lambda();
      const after = await registerInternalExtension(api, () => {}, { maxWaitMs: 1 });
      await nextRequested();
      expect(after.announce("one")).toBe(true);
      await answerNext(200, invoke("one"));
      await later();
      expect(calls).toHaveLength(2);
      const works: string[] = [];
      await after.run(async () => void works.push("one"), "one");
      await nextRequested();
      expect(works).toEqual(["one"]);
      // An announcement is valid only for its own invocation.
      await answerNext(200, invoke("two"));
      await vi.waitFor(() => expect(calls).toHaveLength(4));
    });

    it("never waits when there is no Extensions API", async () => {
      const after = await registerInternalExtension(undefined, () => {}, { maxWaitMs: 1 });
      expect(after.announce("one")).toBe(false);
    });
  });
});
