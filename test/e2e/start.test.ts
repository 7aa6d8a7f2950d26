import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const stackFile = join(root, ".local/stack.json");

const running: ChildProcess[] = [];
afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  }
});

/** Runs what `npm start` runs, up to its ready line or its end. */
async function start(args: string[], ports: Record<string, string> = {}) {
  const child = spawn(process.execPath, ["--import", "tsx", "infra/local/start.ts", ...args], {
    cwd: root,
    env: { ...process.env, PORT: "0", DYNAMODB_PORT: "0", EVENTBRIDGE_PORT: "0", ...ports },
    // A group of its own, so that a signal reaches what Ctrl-C in a terminal would.
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

const answers = (url: string) =>
  fetch(url).then(
    () => true,
    () => false,
  );

describe("npm start", () => {
  it("runs the stack with demo data, keeps it in --data, and leaves nothing behind", async () => {
    const data = mkdtempSync(join(tmpdir(), "oauth-monitoring-data-"));
    const first = await start(["--data", data]);
    const stack = readStack();
    expect(first.output()).toContain(`curl -i ${stack.url}/api/hello`);
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
    let stats = await get("/admin/oauth/stats", stack.admin_token);
    while ((stats.total_tokens_issued ?? 0) < 20) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      stats = await get("/admin/oauth/stats", stack.admin_token);
    }
    expect(stats.active_tokens).toBeGreaterThan(0);
    expect(stats.expired_tokens).toBeGreaterThan(0);
    expect(Object.keys(stats.tokens_by_client ?? {})).toContain("Mobile app");

    expect(await first.interrupt()).toBe(0);
    expect(existsSync(stackFile)).toBe(false);
    for (const url of [stack.url, stack.dynamodb_endpoint, stack.eventbridge_endpoint]) {
      expect(await answers(url)).toBe(false);
    }

    const second = await start(["--data", data]);
    const again = await get("/admin/oauth/stats", readStack().admin_token);
    expect(again.total_tokens_issued).toBe(stats.total_tokens_issued);
    expect(await second.interrupt()).toBe(0);
    rmSync(data, { recursive: true, force: true });
  });

  it("says which port is in use and what to set", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address ? address.port : 0;
    const { exited, output } = await start(["--no-demo"], { PORT: String(port) });
    expect(await exited).toBe(1);
    expect(output()).toContain(`port ${port} is in use: set PORT to another`);
    server.close();
  });

  it("refuses what it does not know", async () => {
    const { exited, output } = await start(["--wrong"]);
    expect(await exited).toBe(1);
    expect(output()).toContain("--wrong");
    const ports = await start([], { PORT: "eighty" });
    expect(await ports.exited).toBe(1);
    expect(ports.output()).toContain("PORT");
  });
});
