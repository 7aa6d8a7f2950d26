import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createEvent } from "../../shared/events/oauth-event.ts";
import { type Notice, toNotice, webhookBody } from "../../shared/response/notice.ts";
import { sendWebhook } from "../../shared/response/send-webhook.ts";
import { signWebhook } from "../../shared/response/standard-webhook.ts";

const AT_MS = Date.parse("2026-11-25T08:00:00.000Z");

function notice(eventType: string, details: Record<string, unknown>, clientId?: string): Notice {
  return toNotice(createEvent({ eventType, details, clientId }, AT_MS)) as Notice;
}

const alert = (more: Record<string, unknown> = {}) =>
  notice(
    "suspicious_activity",
    {
      message: "60 failed calls within 10 minutes from 203.0.113.9",
      rule: "failure_burst",
      subject: { kind: "ip", id: "203.0.113.9" },
      advice: "Block the address.",
      observed: 60,
      threshold: 40,
      ...more,
    },
    "app",
  );

const proposed = () =>
  notice("action_proposed", {
    action: "revoke",
    target: { kind: "user", id: "ada" },
    reason: "token_theft",
    actor: { kind: "policy", id: "token_theft" },
    hits: { tokens: 3, sessions: 1, more: false },
  });

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

describe("signWebhook", () => {
  it("matches the test example from the Standard Webhooks libraries", () => {
    const message = {
      id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
      sentAtSeconds: 1614265330,
      body: '{"test": 2432232314}',
    };
    expect(signWebhook([SECRET], message)).toEqual({
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    });
  });

  it("signs with both secrets during a rotation", () => {
    const other = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
    const headers = signWebhook([other, SECRET], { id: "1", sentAtSeconds: 1, body: "{}" });
    expect(headers["webhook-signature"]).toMatch(/^v1,[A-Za-z0-9+/]{43}= v1,[A-Za-z0-9+/]{43}=$/);
  });

  it.each([
    ["no prefix", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    ["invalid base64", "whsec_!!!"],
    ["too few bytes", `whsec_${Buffer.alloc(23).toString("base64")}`],
    ["too many bytes", `whsec_${Buffer.alloc(65).toString("base64")}`],
    ["nothing", "whsec_"],
  ])("rejects a secret with %s", (_, secret) => {
    const sign = () => signWebhook([secret], { id: "1", sentAtSeconds: 1, body: "{}" });
    expect(sign).toThrow(/whsec_ followed by 24 to 64 bytes in base64/);
  });
});

describe("noticeOf", () => {
  it("states what happened, the subject and the advice", () => {
    expect(alert()).toMatchObject({
      type: "alert.opened",
      title: "OAuth alert: failure_burst",
      text: "60 failed calls within 10 minutes from 203.0.113.9",
      facts: [
        ["Subject", "ip 203.0.113.9"],
        ["Client", "app"],
        ["Observed", "60 (threshold 40)"],
        ["What to do", "Block the address."],
      ],
    });
    expect(proposed()).toMatchObject({
      type: "action.proposed",
      title: "Approval needed: revoke user ada",
      facts: [
        ["By", "policy token_theft"],
        ["Affected", "3 tokens, 1 sessions"],
      ],
    });
  });

  it("accepts any event of a known type and ignores other types", () => {
    expect(notice("action_taken", { target: 7, actor: null })).toMatchObject({
      type: "action.taken",
    });
    expect(toNotice(createEvent({ eventType: "token_used", details: {} }, AT_MS))).toBeUndefined();
  });
});

describe("webhookBody", () => {
  it("includes the approval link where the format supports it", () => {
    const url = "https://admin.example.com/dashboard#approve=x.y";
    const event = createEvent(
      { eventType: "action_proposed", details: { action: "block" } },
      AT_MS,
    );
    const formatBody = (format: "standard" | "slack" | "teams", link?: string) =>
      JSON.parse(webhookBody(toNotice(event, link) as Notice, format));
    expect(formatBody("standard", url).data.approval_url).toBe(url);
    expect(formatBody("slack", url).blocks.at(-1)).toMatchObject({
      type: "actions",
      elements: [{ type: "button", url }],
    });
    expect(formatBody("teams", url).attachments[0].content.actions).toMatchObject([
      { type: "Action.OpenUrl", url },
    ]);
    for (const format of ["standard", "slack", "teams"] as const) {
      expect(JSON.stringify(formatBody(format))).not.toMatch(/approval_url|OpenUrl|button/);
    }
  });

  it("contains the type, time and data in the Standard Webhooks format", () => {
    expect(JSON.parse(webhookBody(alert(), "standard"))).toMatchObject({
      type: "alert.opened",
      timestamp: "2026-11-25T08:00:00.000Z",
      data: { event_type: "suspicious_activity", oauth_client_id: "app", rule: "failure_burst" },
    });
  });

  it("contains fallback text, a heading and facts for Slack", () => {
    const { text, blocks } = JSON.parse(webhookBody(alert(), "slack"));
    expect(text).toMatch(/^OAuth alert: failure_burst 60 failed/);
    expect(blocks.map(({ type }: { type: string }) => type)).toEqual([
      "header",
      "section",
      "section",
    ]);
    expect(blocks[2].text.text).toContain("*Client:* `app`");
  });

  it("contains one adaptive card for Teams", () => {
    const { type, attachments } = JSON.parse(webhookBody(proposed(), "teams"));
    expect(type).toBe("message");
    expect(attachments[0]).toMatchObject({
      contentType: "application/vnd.microsoft.card.adaptive",
      content: { type: "AdaptiveCard", version: "1.4" },
    });
  });

  it("lets no name add a link, a mention or a line to a message", () => {
    const evil = alert({
      message: "x\n<!channel> <https://evil.example.com|click> [a](https://b.c)",
    });
    const slack = webhookBody(evil, "slack");
    expect(slack).not.toContain("<!channel>");
    expect(slack).not.toContain("<https:");
    const card = JSON.parse(webhookBody(evil, "teams")).attachments[0].content;
    expect(card.body[1].text).toContain("\\[a\\]\\(https://b.c\\)");
    expect(card.body[1].text).not.toContain("\n");
    const long = JSON.parse(webhookBody(alert({ rule: "r".repeat(5000) }), "slack"));
    expect(long.blocks[0].text.text.length).toBeLessThanOrEqual(150);
  });

  it("contains no event text that Slack would render as markup, a link or an emoji", () => {
    const words = "*bold* _it_ ~s~ `c` :smile: @here #general https://evil.example.com <@U1> & >q";
    const body = webhookBody(alert({ message: words, rule: words, advice: words }), "slack");
    const { mrkdwn, blocks } = JSON.parse(body);
    const texts = blocks.map(({ text }: { text: Record<string, unknown> }) => text);
    const plain = texts.filter(({ type }: { type: string }) => type === "plain_text");
    expect(mrkdwn).toBe(false);
    expect(plain).toHaveLength(2);
    for (const { emoji } of plain) expect(emoji).toBe(false);
    expect(texts[2]).toMatchObject({ type: "mrkdwn", verbatim: true });
    for (const line of texts[2].text.split("\n"))
      expect(line).toMatch(/^\*[A-Z][a-z ]+:\* `[^`]*`$/);
    for (const { text } of texts) expect(text).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/);
  });

  it("stays within Slack's limits even after escaping", () => {
    const evil = "&".repeat(5000);
    const body = webhookBody(
      alert({ message: evil, rule: evil, advice: evil, subject: { kind: "ip", id: evil } }),
      "slack",
    );
    const [header, message, facts] = JSON.parse(body).blocks;
    expect(header.text.text.length).toBeLessThanOrEqual(150);
    for (const { text } of [message, facts]) expect(text.text.length).toBeLessThanOrEqual(3000);
  });
});

describe("sendWebhook", () => {
  const calls: { headers: Record<string, unknown>; body: string }[] = [];
  let status = 200;
  let server: Server;
  let url = "";
  beforeAll(async () => {
    server = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      calls.push({ headers: request.headers, body });
      response.writeHead(status, { location: "http://127.0.0.1:1/" }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/T000/secret-path`;
  });
  afterAll(() => server.close());
  beforeEach(() => {
    calls.length = 0;
    status = 200;
  });

  const arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:siem-AbCdEf";
  const send = (secret: object | string, format: "standard" | "slack" = "standard") =>
    sendWebhook(
      { name: "Siem", secretArn: arn, format },
      typeof secret === "string" ? secret : JSON.stringify(secret),
      alert(),
      AT_MS,
    );

  it("signs the exact bytes that are sent", async () => {
    await send({ url, secret: SECRET });
    const [call] = calls;
    const expected = signWebhook([SECRET], {
      id: String(call?.headers["webhook-id"]),
      sentAtSeconds: AT_MS / 1000,
      body: call?.body ?? "",
    });
    expect(call?.headers).toMatchObject(expected);
    expect(call?.headers["content-type"]).toBe("application/json");
  });

  it("requires only a URL for Slack", async () => {
    await send({ url }, "slack");
    expect(calls[0]?.headers).not.toHaveProperty("webhook-signature");
  });

  it.each([500, 404, 301])(
    "throws after a response with status %i so that the webhook is retried",
    async (answer) => {
      status = answer;
      await expect(send({ url, secret: SECRET })).rejects.toThrow(/Siem/);
    },
  );

  it("never includes the URL or the secret in an error", async () => {
    const wrong = [
      send({ url, secret: "whsec_x" }),
      send({ url }),
      send({ url: "http://example.com/secret-path", secret: SECRET }),
      send(`${url} no JSON`),
      send({ url: "http://127.0.0.1:1/secret-path", secret: SECRET }),
    ];
    for (const outcome of await Promise.allSettled(wrong)) {
      expect(outcome.status).toBe("rejected");
      const text = String(outcome.status === "rejected" && outcome.reason);
      expect(text).not.toMatch(/secret-path|MfKQ9r8/);
    }
    expect(calls).toEqual([]);
  });
});
