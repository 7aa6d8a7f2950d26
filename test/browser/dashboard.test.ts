import { readFileSync } from "node:fs";
import { request } from "node:http";
import { createRequire } from "node:module";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { type IpEnrichment, toEnrichmentData } from "../../shared/events/ip-enrichment.ts";
import { createEvent } from "../../shared/events/oauth-event.ts";
import { issueToken, registerClient, revokeToken, takeAction } from "../../shared/index.ts";
import { useStack } from "../e2e/stack.ts";
import { type OpenPage, screenshotFile, useBrowser } from "./browser.ts";

const scene = useStack();
const openPage = useBrowser();

const PATH = "/admin/oauth/dashboard";
const HOUR_MS = 3_600_000;
/** Time for the page to refresh and for an event to be stored. */
const REFRESH_MS = 20_000;
const SCRIPT = `<script>document.title = "taken"</script><img src=x onerror="document.title='taken'">`;

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core"), "utf8");

const opened: OpenPage[] = [];
async function open(options?: Parameters<typeof openPage>[0]): Promise<OpenPage> {
  const one = await openPage(options);
  opened.push(one);
  return one;
}
afterEach(async () => {
  for (const { context, complaints, hosts } of opened.splice(0)) {
    await context.close();
    expect(complaints).toEqual([]);
    expect([...hosts].filter((host) => host !== new URL(scene().stack.url).host)).toEqual([]);
  }
});

async function signIn(page: Page, search = "", token = scene().admin): Promise<void> {
  await page.goto(`${scene().stack.url}${PATH}${search}`);
  await page.getByLabel("Admin token").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Signs in with a valid token and waits for the page to open. */
async function enter(page: Page, search = "", token = scene().admin): Promise<void> {
  await signIn(page, search, token);
  await page.getByRole("button", { name: "Sign out" }).waitFor();
}

/** Locates the panel with the given title. */
const panel = (page: Page, name: string) => page.getByRole("region", { name, exact: true });

async function figures(page: Page): Promise<Record<string, number>> {
  const shown = page.locator("[data-figure]");
  await page.locator("[data-figure] .number", { hasText: /\d/ }).first().waitFor();
  const entries = await shown.evaluateAll((cards) =>
    cards.map((card) => [
      card.getAttribute("data-figure") ?? "",
      Number(card.querySelector(".number")?.textContent?.replaceAll(/\D/g, "")),
    ]),
  );
  return Object.fromEntries(entries);
}

/** Waits until a check passes. The page refreshes in the meantime. */
async function eventually(check: () => Promise<void>, maxWaitMs = REFRESH_MS): Promise<void> {
  const deadline = performance.now() + maxWaitMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(200);
    }
  }
}

beforeAll(async () => {
  const { library, get } = scene();
  await registerClient(library, { clientId: "leaky", name: "Leaky integration" });
  await registerClient(library, { clientId: "shop", name: "Shop" });
  for (let n = 0; n < 5; n += 1) {
    const issued = await issueToken(library, {
      clientId: n < 3 ? "shop" : "leaky",
      userId: "ada",
      scopes: ["api:read"],
      expiresInSeconds: n === 0 ? 1 : 3600,
    });
    if (n !== 4) continue;
    await revokeToken(library, issued.token.token_id);
    // The failure burst: one client keeps using a revoked token.
    for (let call = 0; call < 50; call += 1) await get("/api/orders", issued.secret);
  }
  await library.sink.publish(
    Array.from({ length: 30 }, (_, n) =>
      createEvent(
        { eventType: "auth_failed", details: { ip: `203.0.113.${n % 3}`, endpoint: "/api/old" } },
        Date.now() - 3 * 24 * HOUR_MS + n * 1000,
      ),
    ),
  );
  await scene().settle();
});

describe("dashboard page", () => {
  it("is a small static page without data, served with a strict content security policy", async () => {
    const { stack, get, admin } = scene();
    const plain = await get(PATH);
    expect(plain.status).toBe(200);
    expect(plain.text).not.toContain(admin);
    expect(plain.text).not.toMatch(/leaky/i);
    const policy = String(plain.headers["content-security-policy"]);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("connect-src 'self'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    const headers = { "accept-encoding": "gzip" };
    const response = await new Promise<Buffer>((resolve, reject) => {
      request(`${stack.url}${PATH}`, { headers }, (incoming) => {
        resolve(buffer(incoming));
      })
        .on("error", reject)
        .end();
    });
    expect(gunzipSync(response).toString()).toBe(plain.text);
    expect(response.length).toBeLessThan(150 * 1024);
  });

  it("opens in a browser whose language isn't a valid language tag", async () => {
    const { page } = await open();
    await page.addInitScript(() => {
      Object.defineProperty(navigator, "language", { value: "en-US@posix", configurable: true });
    });
    await enter(page);
    await page.locator(".uplot").first().waitFor();
  });

  it("explains why a token is rejected and keeps a valid token only in the tab", async () => {
    const { page, context } = await open();
    await signIn(page, "", "oam_wrong");
    await page.getByText("The token is not accepted").waitFor();
    await page.getByLabel("Admin token").fill(scene().caller);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("lacks the scope oauth:admin").waitFor();
    await page.getByLabel("Admin token").fill(scene().admin);
    await page.getByRole("button", { name: "Sign in" }).click();
    await panel(page, "Clients").waitFor();
    expect(page.url()).not.toContain(scene().admin);
    await page.reload();
    await panel(page, "Clients").waitFor();
    expect(await page.evaluate("JSON.stringify(localStorage)")).not.toContain(scene().admin);
    const other = await context.newPage();
    await other.goto(`${scene().stack.url}${PATH}`);
    await other.getByLabel("Admin token").waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Admin token").waitFor();
    expect(await page.evaluate("sessionStorage.length")).toBe(0);
  });

  it("asks for a new token after a revocation and says why", { timeout: 90_000 }, async () => {
    const { library } = scene();
    const { secret, token } = await issueToken(
      { ...library, sink: { publish: async () => {} } },
      { clientId: "ops", scopes: ["oauth:admin"], expiresInSeconds: 600 },
    );
    const { page } = await open();
    await enter(page, "", secret);
    await panel(page, "Clients").waitFor();
    await revokeToken(library, token.token_id);
    await page.getByText("The token is not accepted").waitFor({ timeout: REFRESH_MS });
  });
});

describe("dashboard figures", () => {
  it("match the statistics route, both overall and for one client", async () => {
    const { page } = await open();
    await enter(page);
    for (const search of ["", "?client_id=leaky"]) {
      await page.goto(`${scene().stack.url}${PATH}${search}`);
      const { body } = await scene().get(`/admin/oauth/stats${search}`, scene().admin);
      const { total_tokens_issued, active_tokens, expired_tokens, revoked_tokens } = body;
      const wanted = { total_tokens_issued, active_tokens, expired_tokens, revoked_tokens };
      expect(wanted.total_tokens_issued).toBeGreaterThanOrEqual(2);
      await eventually(async () => expect(await figures(page)).toEqual(wanted));
    }
    await page.getByText("vs previous 24 hours").first().waitFor();
  });

  it("are replaced by the token's life cycle when the page filters by token", async () => {
    const { body } = await scene().get(
      "/admin/oauth/events?type=token_revoked&client_id=leaky&limit=1",
      scene().admin,
    );
    const tokenId = body.events[0].event_data.token_id;
    const { page } = await open();
    await enter(page, `?token_id=${tokenId}`);
    const card = panel(page, "Token");
    await card.getByText("Revoked", { exact: true }).first().waitFor();
    await card.getByText("leaky").waitFor();
    await panel(page, "Failures by client").getByText("50").waitFor();
  });
});

describe("dashboard investigation", () => {
  it("leads to the client behind a burst of 50 failures", async () => {
    const { page } = await open();
    await enter(page);
    const worst = panel(page, "Failures by client").locator("li").first();
    await worst.getByText("Leaky integration").waitFor();
    expect(await worst.locator(".count").textContent()).toBe("50");
    await worst.getByRole("button").click();
    await page.waitForURL(/client_id=leaky/);
    const events = panel(page, "Security events");
    await eventually(async () => {
      expect(await events.locator(".event").count()).toBe(20);
      const others = await events.locator(".who").filter({ hasNotText: "leaky" }).count();
      expect(others).toBe(0);
    });
    await events.getByRole("button", { name: "Show more" }).click();
    await eventually(async () => expect(await events.locator(".event").count()).toBe(40));
    await page.goBack();
    await eventually(async () => expect(page.url()).not.toContain("client_id"));
    await panel(page, "Failures by client").getByText("unknown client").waitFor();
  });

  it("lists a new failed call and shows its user agent as text", { timeout: 90_000 }, async () => {
    const { page } = await open();
    await enter(page);
    await panel(page, "Clients").waitFor();
    await scene().get("/api/brand-new", "oam_nonsense", { "user-agent": SCRIPT });
    const row = panel(page, "Security events").locator(".event", { hasText: "/api/brand-new" });
    await row.waitFor({ timeout: REFRESH_MS });
    const toggle = row.getByRole("button", { name: /detail/ });
    await toggle.focus();
    await page.keyboard.press("Enter");
    expect(await toggle.getAttribute("aria-expanded")).toBe("true");
    expect(await row.locator("pre").textContent()).toContain(JSON.stringify(SCRIPT).slice(1, -1));
    expect(await page.locator(".event script, .event img").count()).toBe(0);
    expect(await page.title()).toBe("OAuth monitoring");
    // Expanded details stay open after a refresh.
    await page.getByRole("button", { name: "Refresh" }).click();
    await sleep(500);
    expect(await toggle.getAttribute("aria-expanded")).toBe("true");
  });

  it("keeps the selected time range in the URL", async () => {
    const { page } = await open();
    await enter(page);
    const addresses = panel(page, "Failures by IP address");
    await addresses.locator("li").first().waitFor();
    expect(await addresses.getByText("203.0.113.1").count()).toBe(0);
    await page.getByRole("button", { name: "7d" }).click();
    await page.waitForURL(/range=7d/);
    await addresses.getByText("203.0.113.1").waitFor();
    await page.reload();
    await addresses.getByText("203.0.113.1").waitFor();

    await page.getByRole("button", { name: "Custom" }).click();
    await page.getByLabel("From", { exact: true }).fill("2026-01-02T00:00");
    await page.getByLabel("To", { exact: true }).fill("2026-01-01T00:00");
    await page.getByRole("button", { name: "Apply" }).first().click();
    await page.getByText("The start must be before the end").waitFor();
    const ago = (days: number) =>
      new Date(Date.now() - days * 24 * HOUR_MS).toISOString().slice(0, 16);
    await page.getByLabel("From", { exact: true }).fill(ago(20));
    await page.getByLabel("To", { exact: true }).fill(ago(10));
    await page.getByRole("button", { name: "Apply" }).first().click();
    await page.waitForURL(/from=.*to=/);
    await panel(page, "Security events").getByText("No matching events in this range").waitFor();
    await page.getByText("No security events in this range.").waitFor();
  });

  it("lists events of other types and filters them by user", async () => {
    const { page } = await open();
    await enter(page, "?events=token_issued&user_id=ada");
    const events = panel(page, "Events");
    await eventually(async () => expect(await events.locator(".event").count()).toBe(5));
    await page.getByText("Token figures ignore filters by user").waitFor();
    await page.getByLabel("Events to list").selectOption("all");
    await page.waitForURL(/events=all/);
    await page.getByLabel("User").fill("nobody");
    await page.getByRole("button", { name: "Apply" }).click();
    await events.getByText("No matching events").waitFor();
    await page.getByRole("button", { name: "Clear" }).click();
    await eventually(async () => expect(await events.locator(".event").count()).toBe(20));
  });

  it("shows where events come from and filters them by country and network type", async () => {
    const { library, settle } = scene();
    const at = (ip: string, enrichment: IpEnrichment) =>
      createEvent(
        {
          eventType: "auth_failed",
          clientId: "abroad",
          details: { ip, ...toEnrichmentData(enrichment) },
        },
        Date.now() - 1000,
      );
    await library.sink.publish([
      at("203.0.113.70", { country: "DE", asn: 64496, organization: "Example Telecom" }),
      at("203.0.113.71", {
        country: "SG",
        asn: 64502,
        organization: SCRIPT.slice(0, 90),
        networkType: "vpn",
      }),
      at("203.0.113.72", {}),
    ]);
    await settle();
    const { page } = await open();
    await enter(page, "?client_id=abroad");
    const events = panel(page, "Security events");
    await eventually(async () => expect(await events.locator(".event").count()).toBe(3));
    expect(await events.locator(".enrichment").allTextContents()).toEqual(
      expect.arrayContaining([
        "DE · Example Telecom",
        expect.stringMatching(/^SG · <script>.* · vpn$/),
      ]),
    );
    expect(await events.locator(".enrichment").count()).toBe(2);
    const german = events.locator(".event", { hasText: "203.0.113.70" });
    await german.getByRole("button", { name: /detail$/ }).click();
    await german.getByRole("button", { name: "DE", exact: true }).click();
    await page.waitForURL(/country=DE/);
    await eventually(async () => expect(await events.locator(".event").count()).toBe(1));
    await page.getByText("Country and network filters apply only to the list of events.").waitFor();
    await page.getByLabel("Country").fill("");
    await page.getByLabel("Network type").fill("vpn");
    await page.getByRole("button", { name: "Apply" }).click();
    await events.getByText("203.0.113.71").first().waitFor();
    await eventually(async () => expect(await events.locator(".event").count()).toBe(1));
    expect(await page.title()).not.toBe("taken");
  });

  it("exports the listed events as CSV and JSON", async () => {
    const { page } = await open();
    await enter(page, "?client_id=leaky");
    const events = panel(page, "Security events");
    await events.locator(".event").first().waitFor();
    const save = async (format: string) => {
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("button", { name: `Export Security events as ${format}` }).click(),
      ]);
      expect(download.suggestedFilename()).toBe(`events-security.${format.toLowerCase()}`);
      return readFileSync(await download.path(), "utf8");
    };
    const shown = JSON.parse(await save("JSON"));
    expect(shown).toHaveLength(20);
    expect(shown[0]).toMatchObject({ event_type: "auth_failed", oauth_client_id: "leaky" });
    const [header, ...lines] = (await save("CSV")).trimEnd().split("\r\n");
    expect(header).toContain("id,event_type,occurred_at");
    expect(lines).toHaveLength(20);
  });
});

/** Sends credential guesses from an address and runs the detection, which raises an alert. */
async function raiseAlert(ip: string): Promise<void> {
  const { get, send, settle } = scene();
  for (let n = 0; n < 25; n += 1) {
    await get("/api/orders", `oam_guess${n}`, { "x-forwarded-for": ip });
  }
  await settle();
  await send("POST", "/_local/schedules/anomalies/run", {});
}

describe("dashboard alerts", () => {
  it("show recommended actions and link to the alert's subject", async () => {
    const { page } = await open();
    await raiseAlert("203.0.113.77");
    await enter(page);
    const alerts = panel(page, "Alerts");
    const row = alerts.locator("li", {
      hasText: "25 credential guesses within 10 minutes from 203.0.113.77",
    });
    await row.getByText("Open").waitFor();
    await row.getByText("High").waitFor();
    await row.getByText("Block the address").waitFor();
    await row.getByRole("button").click();
    await page.waitForURL(/ip=203\.0\.113\.77/);
  });
});

describe("dashboard responses", () => {
  const issued = async (userId: string, scopes = ["api:read"]) => {
    const { library } = scene();
    return (
      await issueToken(
        { ...library, sink: { publish: async () => {} } },
        { clientId: "shop", userId, scopes, expiresInSeconds: 600 },
      )
    ).secret;
  };

  it("revokes the selected user after a confirmation that shows what is affected", async () => {
    const secret = await issued("victim");
    const { page } = await open();
    await enter(page, "?user_id=victim");
    const respond = panel(page, "Respond");
    await respond.getByRole("button", { name: "Revoke …" }).click();
    await respond.getByText("It affects 1 active token and 0 active sessions.").waitFor();
    const confirm = respond.getByRole("button", { name: "Revoke user" });
    expect(await confirm.isDisabled()).toBe(true);
    await respond.getByLabel("Reason").fill("the laptop was stolen");
    await confirm.click();
    await respond.getByText("takes effect on the next call").waitFor();
    expect((await scene().get("/api/x", secret)).status).toBe(401);
    await respond.locator("li", { hasText: "the laptop was stolen" }).waitFor();
  });

  it("blocks a user for a limited time and releases the block", async () => {
    const secret = await issued("odd-one");
    const { page } = await open();
    await enter(page, "?user_id=odd-one");
    const respond = panel(page, "Respond");
    await respond.getByLabel("for").selectOption("24");
    await respond.getByRole("button", { name: "Block …" }).click();
    await respond.getByText("Denies every call for 24 h").waitFor();
    await respond.getByLabel("Reason").fill("calls oddly");
    await respond.getByRole("button", { name: "Block user" }).click();
    await respond.getByText("takes effect on the next call").waitFor();
    expect((await scene().get("/api/x", secret)).status).toBe(403);
    await respond.getByRole("button", { name: "Release" }).click();
    await respond.getByText("The block is released.").waitFor();
    expect((await scene().get("/api/x", secret)).status).toBe(200);
  });

  it("approves a proposed action", async () => {
    const secret = await issued("waiting-one");
    const { library } = scene();
    const target = { kind: "user", id: "waiting-one" } as const;
    const actor = { kind: "policy", id: "failure_burst" } as const;
    await takeAction(library, { kind: "revoke", target, actor, reason: "why", mode: "propose" });
    const { page } = await open();
    await enter(page);
    const waiting = panel(page, "Waiting for approval").locator("li", { hasText: "waiting-one" });
    await waiting.getByRole("button", { name: "Approve" }).click();
    await waiting.waitFor({ state: "detached" });
    expect((await scene().get("/api/x", secret)).status).toBe(401);
  });

  it("acknowledges an alert, adds a note and records a verdict", async () => {
    await raiseAlert("198.51.100.78");
    const { page } = await open();
    await enter(page);
    const row = panel(page, "Alerts").locator("li", { hasText: "from 198.51.100.78" });
    await row.getByText("Review", { exact: true }).click();
    await row.getByRole("button", { name: "Acknowledge" }).click();
    await row.getByText("acknowledged by ada").waitFor();
    await row.getByLabel("Note").fill(SCRIPT);
    await row.getByRole("button", { name: "Add note" }).click();
    await row.locator(".notes li", { hasText: SCRIPT }).waitFor();
    await row.getByLabel("Verdict").selectOption("true");
    await row.getByText("Verdict: true").waitFor();
    expect(await page.title()).toBe("OAuth monitoring");
  });

  it("names the missing scope when the token allows only reading", async () => {
    const { page } = await open();
    await enter(page, "?user_id=ada", await issued("auditor", ["oauth:admin"]));
    const respond = panel(page, "Respond");
    await respond.getByRole("button", { name: "Revoke …" }).click();
    await respond.getByText("it lacks the scope oauth:respond").waitFor();
    await page.getByRole("button", { name: "Sign out" }).waitFor();
  });
});

describe("dashboard refresh", () => {
  it("shows loaded data while offline and then catches up", { timeout: 120_000 }, async () => {
    const { page, context } = await open();
    await enter(page);
    await panel(page, "Clients").waitFor();
    await context.setOffline(true);
    await page.getByText("Offline: showing the latest data").waitFor();
    await scene().get("/api/while-offline", "oam_nonsense");
    await panel(page, "Security events").locator(".event").first().waitFor();
    await context.setOffline(false);
    await page.getByText("Live, every 10 s").waitFor();
    await panel(page, "Security events")
      .locator(".event", { hasText: "/api/while-offline" })
      .waitFor({ timeout: REFRESH_MS });
  });

  it("stops while hidden or paused and then resumes", { timeout: 120_000 }, async () => {
    const { page } = await open();
    const routes: string[] = [];
    page.on("request", (request) => {
      routes.push(new URL(request.url()).pathname.split("/").at(-1) ?? "");
    });
    await enter(page);
    await panel(page, "Clients").waitFor();
    await page.clock.install();
    const beats = async () => {
      await page.waitForLoadState("networkidle");
      routes.length = 0;
      await page.clock.fastForward(15_000);
      await sleep(1000);
      return routes.length > 0;
    };
    await page.getByRole("button", { name: "Refresh" }).click();
    expect(await beats()).toBe(true);
    // The list has no new events, so the page requests nothing else.
    expect(new Set(routes)).toEqual(new Set(["security-events"]));
    const hide = async (hidden: boolean) => {
      await page.evaluate(
        `Object.defineProperty(document, "hidden", { value: ${hidden}, configurable: true });
         document.dispatchEvent(new Event("visibilitychange"));`,
      );
      await sleep(500);
    };
    await hide(true);
    expect(await beats()).toBe(false);
    await hide(false);
    expect(await beats()).toBe(true);
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByText("Paused").waitFor();
    await sleep(500);
    expect(await beats()).toBe(false);
    await page.getByRole("button", { name: "Resume" }).click();
    expect(await beats()).toBe(true);
  });

  it("keeps the other panels when one route fails", async () => {
    const { page } = await open();
    await page.route("**/admin/oauth/activity*", (route) => route.abort());
    await enter(page);
    await panel(page, "Failures by client").getByText("The API does not answer").waitFor();
    await panel(page, "Clients").getByText("Shop", { exact: true }).waitFor();
    await page.unroute("**/admin/oauth/activity*");
    await page.getByRole("button", { name: "Refresh" }).click();
    await panel(page, "Failures by client").getByText("Leaky integration").waitFor();
  });
});

describe("dashboard accessibility", () => {
  const audit = async (page: Page) => {
    const violations = await page.evaluate(`(async () => {
      ${axeSource};
      const { violations } = await axe.run();
      return violations
        .filter(({ impact }) => impact === "serious" || impact === "critical")
        .map(({ id, nodes }) => id + ": " + nodes.map((node) => node.html).join(" "));
    })()`);
    expect(violations).toEqual([]);
  };

  for (const [device, width, height] of [
    ["phone", 390, 844],
    ["desktop", 1400, 900],
  ] as const) {
    for (const colorScheme of ["light", "dark"] as const) {
      it(`has no serious accessibility violation on a ${device} in ${colorScheme} mode`, async () => {
        const { page } = await open({ viewport: { width, height }, colorScheme });
        await page.goto(`${scene().stack.url}${PATH}`);
        await page.getByLabel("Admin token").waitFor();
        await audit(page);
        await enter(page, "?range=7d");
        const events = panel(page, "Security events");
        await events.locator(".event").first().waitFor();
        await panel(page, "Clients").locator("tbody tr").first().waitFor();
        await events
          .getByRole("button", { name: /detail/ })
          .first()
          .click();
        await page.getByText("As a table").first().click();
        await audit(page);
        const overflow = await page.evaluate(
          "document.documentElement.scrollWidth - window.innerWidth",
        );
        expect(overflow).toBeLessThanOrEqual(0);
        await page.evaluate("window.scrollTo(0, 0)");
        await page.screenshot({
          path: screenshotFile(`dashboard-${device}-${colorScheme}`),
          fullPage: true,
        });
      });
    }
  }
});
