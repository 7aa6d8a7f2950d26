import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { afterEach, describe, expect, it, vi } from "vitest";
import { run } from "../../cli/main.ts";
import { LOCAL_ACCESS } from "../../shared/stack/local-stack-file.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const stackFile = join(root, ".local/stack.json");

const running: ChildProcess[] = [];
afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      // Kills the process group, so that DynamoDB Local does not outlive a stack that failed to stop it.
      process.kill(-(child.pid as number), "SIGKILL");
      await once(child, "exit");
    }
  }
});

/** Runs `npm start` until its ready line or its exit. */
async function start(args: string[], ports: Record<string, string> = {}) {
  const child = spawn(process.execPath, ["--import", "tsx", "local/start/start.ts", ...args], {
    cwd: root,
    env: { ...process.env, PORT: "0", DYNAMODB_PORT: "0", EVENTBRIDGE_PORT: "0", ...ports },
    // A new process group, so that a signal reaches the same processes as Ctrl-C in a terminal.
    detached: true,
  });
  running.push(child);
  let output = "";
  const exited = once(child, "exit").then(([code]) => code as number | null);
  await new Promise<void>((resolve) => {
    const look = (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes("newest first")) resolve();
    };
    child.stdout.on("data", look);
    child.stderr.on("data", look);
    void exited.then(() => resolve());
  });
  const interrupt = async () => {
    process.kill(-(child.pid as number), "SIGINT");
    return exited;
  };
  return { output: () => output, exited, interrupt };
}

const readStack = () => JSON.parse(readFileSync(stackFile, "utf8"));

async function get(path: string, token: string) {
  const answer = await fetch(`${readStack().url}${path}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return answer.json() as Promise<Record<string, never>>;
}

/** Repeats a call until its result passes the check, and returns that result. */
async function until<T>(call: () => Promise<T>, isDone: (result: T) => boolean): Promise<T> {
  for (;;) {
    const result = await call();
    if (isDone(result)) return result;
    await sleep(200);
  }
}

const answers = (url: string) =>
  fetch(url).then(
    () => true,
    () => false,
  );

describe("npm start", () => {
  it("runs the stack with demo data, keeps it in --data, and leaves no process behind", {
    timeout: 240_000,
  }, async () => {
    const data = mkdtempSync(join(tmpdir(), "oauth-monitoring-data-"));
    const first = await start(["--data", data]);
    // Shows the cause if the stack did not start.
    expect(first.output()).toContain("newest first");
    const stack = readStack();
    expect(first.output()).toContain(`curl -i ${stack.url}/api/hello`);
    expect(first.output()).toContain(`${stack.url}/admin/oauth/dashboard`);
    expect(Object.keys(stack)).toEqual(
      expect.arrayContaining([
        "url",
        "dynamodb_endpoint",
        "eventbridge_endpoint",
        "event_bus_name",
        "admin_token",
        "caller_token",
        "tables",
        "pid",
      ]),
    );
    const hello = await fetch(`${stack.url}/api/hello`, {
      headers: { authorization: `Bearer ${stack.caller_token}` },
    });
    expect(hello.status).toBe(200);
    // The third curl line sends a JWT from the issuer that runs alongside the stack.
    expect(first.output()).toContain(
      `curl -i ${stack.url}/api/hello -H 'Authorization: Bearer ${stack.caller_jwt}'`,
    );
    const withJwt = await fetch(`${stack.url}/api/hello`, {
      headers: { authorization: `Bearer ${stack.caller_jwt}` },
    });
    expect(withJwt.status).toBe(200);
    expect(await withJwt.json()).toMatchObject({
      authorizer: { oauth_client_id: "local-jwt-caller", scope: "api:read api:write" },
    });
    const forged = await fetch(`${stack.url}/api/hello`, {
      headers: { authorization: `Bearer ${stack.caller_jwt.slice(0, -8)}AAAAAAAA` },
    });
    expect(forged.status).toBe(401);
    // A fixed range. By default, the oldest tokens leave the last 24 hours before the second start.
    const twoDaysAgo = new Date(Date.now() - 48 * 3_600_000).toISOString();
    const statsPath = `/admin/oauth/stats?from=${twoDaysAgo}&to=${new Date().toISOString()}`;
    const stats = await until(
      () => get(statsPath, stack.admin_token),
      ({ total_tokens_issued }) => (total_tokens_issued ?? 0) >= 20,
    );
    expect(stats.active_tokens).toBeGreaterThan(0);
    expect(stats.expired_tokens).toBeGreaterThan(0);
    expect(Object.keys(stats.tokens_by_client ?? {})).toContain("Shop for iOS");
    const abroad = await get("/admin/oauth/events?country=DE&limit=5", stack.admin_token);
    expect(abroad).toMatchObject({
      events: expect.arrayContaining([
        expect.objectContaining({
          event_data: expect.objectContaining({
            geo: expect.objectContaining({ country_iso_code: "DE" }),
          }),
        }),
      ]),
    });

    expect(await first.interrupt()).toBe(0);
    expect(existsSync(stackFile)).toBe(false);
    for (const url of [stack.url, stack.dynamodb_endpoint, stack.eventbridge_endpoint]) {
      expect(await answers(url)).toBe(false);
    }

    const second = await start(["--data", data]);
    const newStats = await get(statsPath, readStack().admin_token);
    // Each start issues new tokens, including a JWT. The events for these tokens may not be stored yet.
    const ofDemo = (answer: typeof stats) =>
      Object.entries(answer.tokens_by_client ?? {}).filter(([name]) => !/^local[ -]/i.test(name));
    expect(ofDemo(newStats)).toEqual(ofDemo(stats));
    expect(await second.interrupt()).toBe(0);
    rmSync(data, { recursive: true, force: true });
  });

  it("names a port that is already in use and the option that changes it", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address ? address.port : 0;
    const { exited, output } = await start(["--no-demo"], { PORT: String(port) });
    expect(await exited).toBe(1);
    expect(output()).toContain(`port ${port} is in use. Set PORT to another`);
    server.close();
  });

  it("rejects unknown options", async () => {
    const { exited, output } = await start(["--wrong"]);
    expect(await exited).toBe(1);
    expect(output()).toContain("--wrong");
    const ports = await start([], { PORT: "eighty" });
    expect(await ports.exited).toBe(1);
    expect(ports.output()).toContain("PORT");
  });
});

/** Runs one CLI command as a process. */
async function cliProcess(...args: string[]) {
  const child = spawn(process.execPath, [join(root, "dist/cli/oauth-monitoring.mjs"), ...args], {
    cwd: tmpdir(),
    env: { ...process.env, NODE_NO_WARNINGS: "1" },
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const [code] = await once(child, "close");
  return { code: code as number, stdout: stdout.trimEnd(), stderr };
}

/** Runs one CLI command in this process, which loads nothing again. */
async function cli(...args: string[]) {
  let [stdout, stderr] = ["", ""];
  const spies = [
    vi.spyOn(console, "log").mockImplementation((text: string) => {
      stdout += `${text}\n`;
    }),
    vi.spyOn(console, "error").mockImplementation((text: string) => {
      stderr += `${text}\n`;
    }),
  ];
  try {
    const code = await run([process.execPath, "oauth-monitoring", ...args]);
    return { code, stdout: stdout.trimEnd(), stderr };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

const json = async (...args: string[]) => JSON.parse((await cli(...args, "--json")).stdout);

describe("CLI", () => {
  it("administers the local stack with the commands that the seed prints", {
    timeout: 180_000,
  }, async () => {
    expect(await cliProcess("stats")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("Start one with npm start"),
    });
    const { interrupt } = await start(["--no-demo"]);
    const add = await cliProcess("clients", "add", "--id", "app", "--name", "The App");
    expect(add.code).toBe(0);
    const issue = ["tokens", "issue", "--client", "app", "--scopes", "api:read", "--expires-in"];
    const { token, token_id } = await json(...issue, "3600");
    const short = await cli(...issue, "1");
    expect(short.stdout).toMatch(/^Token: {6}oam_/);
    const { url } = readStack();
    const use = () => fetch(`${url}/api/x`, { headers: { authorization: `Bearer ${token}` } });
    expect((await use()).status).toBe(200);
    expect((await cli("tokens", "revoke", token_id)).stdout).toContain("was revoked at");
    expect((await use()).status).toBe(401);
    await until(
      () => json("stats"),
      (stats) =>
        stats.total_tokens_issued >= 4 && stats.revoked_tokens >= 1 && stats.expired_tokens >= 1,
    );
    expect((await cli("stats")).stdout).toBe(
      [
        "OAuth Statistics (Last 24 hours)",
        "================================",
        "Total tokens issued: 4",
        "Active tokens: 2",
        "Expired tokens: 1",
        "Revoked tokens: 1",
        "",
        "By Client:",
        "  The App: 2",
        "  Local admin: 1",
        "  Local caller: 1",
      ].join("\n"),
    );
    const counts = "  Tokens: 1\n  Codes: 0\n  Sessions: 0\n  Events: 0";
    expect((await cli("cleanup", "--dry-run")).stdout).toContain(counts);
    expect((await cli("cleanup")).stdout).toBe(`Cleanup Results:\n${counts}`);
    expect((await cli("stats")).stdout).toContain("Total tokens issued: 4");

    const report = await until(
      () => cli("security-report"),
      ({ stdout }) => stdout.includes("revoked_token"),
    );
    expect(report.stdout).toMatch(
      /^Security Events \(Last 24 hours\): 1\n {2}\[\d{4}-.*\] auth_failed: \{.*"reason":"revoked_token"/,
    );
    expect(report.stdout).toMatch(
      /By Type:\n {2}auth_failed: 1\n\nBy Client:\n {2}app: 1\n\nBy Address:\n {2}127\.0\.0\.1: 1/,
    );
    const found = await json("events", "--token", token_id, "--type", "token_used");
    expect(found.events).toMatchObject([{ event_type: "token_used", event_data: { token_id } }]);
    const deniedCalls = await json("events", "--ip", "127.0.0.1", "--type", "token_used");
    expect(deniedCalls.events.length).toBeGreaterThan(0);
    expect((await json("events", "--ip", "192.0.2.1")).events).toEqual([]);
    const nowhere = ["--country", "fr", "--asn", "AS64496", "--network-type", "vpn"];
    expect((await json("events", ...nowhere)).events).toEqual([]);
    expect((await cli("events", "--limit", "3")).stdout).toMatch(
      /^OCCURRED +TYPE +CLIENT +USER +DATA\n/,
    );
    const { clients } = await json("clients", "list");
    const active = clients.map((client: { oauth_client_id: string; active_tokens: number }) => [
      client.oauth_client_id,
      client.active_tokens,
    ]);
    expect(active).toEqual(
      expect.arrayContaining([
        ["app", 0],
        ["local-admin", 1],
        ["local-caller", 1],
      ]),
    );
    expect((await cli("clients", "list")).stdout).toContain("The App");

    for (let n = 0; n < 45; n += 1) {
      await fetch(`${url}/api/x`, { headers: { authorization: `Bearer oam_guess${n}` } });
    }
    const { alerts } = await until(
      async () => {
        await fetch(`${url}/_local/schedules/anomalies/run`, { method: "POST" });
        return json("alerts", "list");
      },
      (listed) => listed.alerts.length > 0,
    );
    expect(alerts).toMatchObject([
      { rule: "failure_burst", subject: { kind: "ip", id: "127.0.0.1" }, state: "open" },
    ]);
    expect((await cli("alerts", "list")).stdout).toContain("failure_burst  ip 127.0.0.1");
    const [{ alert_id }] = alerts;
    expect((await cli("alerts", "acknowledge", alert_id, "--as", "ada")).stdout).toBe(
      `${alert_id}: acknowledged by ada, no verdict, 0 notes.`,
    );
    expect((await cli("alerts", "note", alert_id, "our own test")).code).toBe(0);
    expect((await cli("alerts", "verdict", alert_id, "perhaps")).code).toBe(2);
    expect((await cli("alerts", "verdict", "nobody", "true")).code).toBe(1);
    expect((await cli("alerts", "verdict", alert_id, "false", "--as", "ada")).stdout).toBe(
      `${alert_id}: acknowledged by ada, verdict false by ada, 1 note.`,
    );
    expect((await json("alerts", "list")).alerts).toMatchObject([
      { review: { verdict: "false", notes: [{ text: "our own test" }] } },
    ]);
    expect((await json("alerts", "figures")).rules).toEqual([
      { rule: "failure_burst", subjects: 1, true: 0, false: 1, benign: 0, precision: 0 },
    ]);
    const mute = ["--client", "app", "--rule", "issuance_rate"];
    expect((await cli("alerts", "mute", ...mute, "--hours", "2")).code).toBe(0);
    expect((await json("alerts", "mutes")).mutes).toMatchObject([{ oauth_client_id: "app" }]);
    expect((await cli("alerts", "unmute", ...mute)).code).toBe(0);
    expect((await json("alerts", "mutes")).mutes).toEqual([]);
    expect((await cli("alerts", "mute", "--client", "app", "--rule", "nonsense")).code).toBe(2);
    expect((await cli("alerts", "rules")).stdout).toContain("also raised by");

    const stack = readStack();
    const bus = new EventBridgeClient({ ...LOCAL_ACCESS, endpoint: stack.eventbridge_endpoint });
    await bus.send(
      new PutEventsCommand({
        Entries: [
          {
            EventBusName: stack.event_bus_name,
            Source: "oauth.monitoring",
            DetailType: "oauth.token_used",
            Detail: JSON.stringify({ id: "wrong" }),
          },
        ],
      }),
    );
    const letters = await until(
      () => json("dead-letters", "list"),
      ({ dead_letters }) => dead_letters.length > 0,
    );
    expect(letters.dead_letters).toMatchObject([{ reason: expect.stringContaining("UUID") }]);
    expect((await cli("dead-letters", "redrive")).stdout).toBe("1 message(s) redriven.");
    expect((await cli("archive", "replay")).stdout).toBe(
      "Replayed (Last 24 hours). The subscriber stores the missing events.",
    );
    expect(await interrupt()).toBe(0);
  });

  it("exits with 2 for invalid arguments and with 0 for help", async () => {
    for (const args of [["nonsense"], ["tokens", "issue"], ["stats", "--wrong"]]) {
      expect((await cliProcess(...args)).code).toBe(2);
    }
    const both = await cliProcess("stats", "--local", "--stack", "x");
    expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining("exclude each other") });
    const help = await cliProcess("events", "--help");
    expect(help.code).toBe(0);
    expect(help.stdout).toContain("--type <type>");
    expect(help.stdout).toContain("Examples:");
  });
});
