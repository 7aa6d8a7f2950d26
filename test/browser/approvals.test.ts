import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { synthesize } from "../../infra/synthesize.ts";
import type { Assembly } from "../../local/services/template.ts";
import { type Answer, useStack } from "../e2e/stack.ts";
import { useBrowser } from "./browser.ts";

const SECRET = "arn:aws:secretsmanager:us-east-1:000000000000:secret:channel-AbCdEf";
const directory = mkdtempSync(join(tmpdir(), "approvals-"));
const secrets = new Map<string, string>();
/** Request bodies that the webhook channel received. */
const notified: string[] = [];
let server: Server;
let assembly: Assembly;

beforeAll(async () => {
  server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    notified.push(body);
    response.writeHead(200).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  secrets.set(SECRET, JSON.stringify({ url: `http://127.0.0.1:${port}/hook` }));
  assembly = synthesize(join(directory, "cdk.out"), {
    responses: {
      rules: { failure_burst: { mode: "propose" } },
      approvalLinks: { sentTo: ["topic", "Channel"] },
    },
    notifications: { webhooks: [{ name: "Channel", secretArn: SECRET, format: "slack" }] },
  });
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(directory, { recursive: true, force: true });
});

const scene = useStack({ assembly: () => assembly, visibilitySeconds: 1, secrets });
const openPage = useBrowser();

const used = new Map<string, Set<string>>();
const denied: string[] = [];
beforeAll(() => {
  scene().stack.access.onAccess = (principal, { action, resource }, allowed) => {
    used.set(principal, (used.get(principal) ?? new Set()).add(`${action} ${resource}`));
    if (!allowed) denied.push(`${principal}: ${action} ${resource}`);
  };
});

/**
 * Sends credential guesses from an address until the detection proposes to block the address. Returns the
 * approval links that were sent.
 */
async function attackFrom(ip: string): Promise<{ readonly topic: string; readonly slack: string }> {
  const { get, send, stack } = scene();
  for (let n = 0; n < 60; n += 1) {
    await get("/api/orders", `oam_guess${n}`, { "x-forwarded-for": ip });
  }
  const proposal = () =>
    stack.notifications.list.find(
      ({ subject }) => subject === `Approval needed: block address ${ip}`,
    );
  const channel = () => notified.find((body) => body.includes(`block address ${ip}`));
  for (let tries = 0; tries < 100; tries += 1) {
    await scene().settle();
    await send("POST", "/_local/schedules/anomalies/run", {});
    if (proposal() && channel()) break;
    await sleep(100);
  }
  const { default: text } = JSON.parse(JSON.stringify(proposal()?.message ?? {}));
  const link = /https?:\/\/\S+#approve=\S+/;
  const url = (from: string) => link.exec(from)?.[0] ?? "";
  const button = JSON.parse(channel() ?? "{}").blocks.at(-1).elements[0].url;
  return { topic: url(text), slack: button };
}

const decide = (body: object): Promise<Answer> =>
  scene().send(
    "POST",
    "/admin/oauth/approvals",
    { "content-type": "application/json" },
    JSON.stringify(body),
  );

const linkIn = (url: string) => url.split("#approve=")[1] ?? "";
const isBlocked = async (ip: string) =>
  (await scene().get("/api/x", scene().caller, { "x-forwarded-for": ip })).status === 403;

describe("approval links in notifications", () => {
  it("show the proposed action and execute it only after the reader approves", {
    timeout: 120_000,
  }, async () => {
    const ip = "203.0.113.66";
    const { topic, slack } = await attackFrom(ip);
    expect(linkIn(topic)).toMatch(/\.topic\./);
    expect(linkIn(slack)).toMatch(/\.Channel\./);
    // A link scanner or preview loads the page and runs its scripts.
    const { stack, get, admin } = scene();
    const localLink = topic.replace(/^https?:\/\/[^/]+(?=\/)/, stack.url);
    const path = new URL(localLink).pathname.replace(/^.*(?=\/admin\/)/, "");
    expect((await get(path)).status).toBe(200);
    const { page, complaints } = await openPage();
    await page.goto(`${stack.url}${path}#approve=${linkIn(topic)}`);
    await page.getByText("Waiting for approval").waitFor();
    await page.getByText(ip, { exact: true }).waitFor();
    expect(page.url()).toBe(`${stack.url}${path}`);
    expect(await isBlocked(ip)).toBe(false);

    const approve = page.getByRole("button", { name: "Approve" });
    expect(await approve.isDisabled()).toBe(true);
    await page.getByLabel("Reason").fill("it guesses");
    await approve.click();
    await page.getByText("by link topic: it guesses").waitFor();
    expect(await isBlocked(ip)).toBe(true);
    expect(complaints).toEqual([]);

    // Using either link again fails because the proposal is already decided.
    for (const link of [topic, slack].map(linkIn)) {
      expect((await decide({ link })).body.action.state).toBe("done");
      const secondDecision = await decide({ link, decision: "reject", reason: "no" });
      expect(secondDecision.status).toBe(409);
      expect(secondDecision.body.detail).toContain("by link topic");
    }
    await scene().settle();
    const { body } = await get("/admin/oauth/events?type=action_taken&limit=5", admin);
    expect(body.events).toMatchObject([
      { event_data: { decided_by: { kind: "link", id: "topic" }, decision_reason: "it guesses" } },
    ]);
  });

  it("are denied when malformed or forged, and never appear in logs, events or items", {
    timeout: 120_000,
  }, async () => {
    const { slack } = await attackFrom("203.0.113.67");
    const link = linkIn(slack);
    const forged = link.replace(/\.Channel\./, ".topic.");
    for (const [body, status] of [
      [{ link: forged }, 403],
      [{ link: forged, decision: "approve", reason: "x" }, 403],
      [{ link: "nonsense" }, 403],
      [{ link, decision: "approve" }, 400],
      [{ link, decision: "release", reason: "x" }, 400],
      [{}, 400],
    ] as const) {
      expect((await decide(body)).status).toBe(status);
    }
    expect(await isBlocked("203.0.113.67")).toBe(false);
    const rejected = await decide({ link, decision: "reject", reason: "our own test" });
    expect(rejected.body).toMatchObject({ action: { state: "rejected" }, sent_to: "Channel" });
    await scene().settle();
    const mac = link.split(".").at(-1) ?? link;
    expect(scene().logs.join("\n")).not.toContain(mac);
    expect(scene().busTraffic.join("\n")).not.toContain(mac);
    expect(await scene().storeText()).not.toContain(mac);
  });

  it("give each function only the KMS MAC permission that it needs to sign or verify links", () => {
    expect(denied).toEqual([]);
    const { access, functionNames } = scene().stack;
    const mayMac = functionNames.flatMap((name) =>
      [...access.allowedTo(name)]
        .filter((each) => /Mac /.test(each))
        .map(
          (each) =>
            `${name.replace(/^.*(Anomalies|Webhook|Approval).*$/, "$1")} ${each.split(" ")[0]}`,
        ),
    );
    expect(mayMac.sort()).toEqual([
      "Anomalies kms:GenerateMac",
      "Approval kms:VerifyMac",
      "Webhook kms:GenerateMac",
    ]);
  });
});
