import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { describe, expect, it } from "vitest";
import { HOUR_MS, toInstant } from "../../shared/core/clock.ts";
import {
  approvalLink,
  decideByLink,
  type LinkKey,
  openApprovalLink,
} from "../../shared/response/approval-link.ts";
import { takeAction } from "../../shared/response/take-action.ts";
import { createWorld } from "./store.ts";

const PAGE = "https://admin.example.com/prod/admin/oauth/dashboard";

/** Returns a signing key that counts how often it is used. */
function countingKey() {
  const secret = randomBytes(32);
  const computeMac = (message: string) => createHmac("sha256", secret).update(message).digest();
  const signatures = { times: 0 };
  const key: LinkKey = {
    sign: async (message) => computeMac(message),
    async verify(message, mac) {
      signatures.times += 1;
      return timingSafeEqual(computeMac(message), mac);
    },
  };
  return { key, signatures };
}

async function scene(sentTo = "topic") {
  const world = await createWorld();
  const { key, signatures } = countingKey();
  const context = { ...world.context, linkKey: key };
  const propose = () =>
    takeAction(context, {
      kind: "block",
      target: { kind: "user", id: "mallory" },
      reason: "token_theft: odd",
      actor: { kind: "policy", id: "token_theft" },
      until: toInstant(world.time.nowMs + HOUR_MS),
      mode: "propose",
    });
  const action = await propose();
  const link = await approvalLink(key, PAGE, action, { sentTo, validHours: 24 });
  const text = link.slice(link.indexOf("=") + 1);
  return { world, context, key, signatures, propose, action, link, text };
}

const APPROVED = { decision: "approve", reason: "it is a thief", ip: "198.51.100.7" } as const;

describe("approval link", () => {
  it("carries its credential in the fragment, which browsers do not send to the server", async () => {
    const { link, text } = await scene();
    const url = new URL(link);
    expect(`${url.origin}${url.pathname}${url.search}`).toBe(PAGE);
    expect(url.hash).toBe(`#approve=${text}`);
  });

  it("shows its action and changes nothing when it is opened several times", async () => {
    const { context, action, text, world } = await scene();
    const before = world.published.length;
    for (let n = 0; n < 3; n += 1) {
      const opened = await openApprovalLink(context, text);
      expect(opened).toMatchObject({
        action: { action_id: action.action_id, state: "proposed" },
        sent_to: "topic",
        expires_at: toInstant(world.time.nowMs + 24 * HOUR_MS),
      });
    }
    expect(world.published).toHaveLength(before);
  });

  it("approves the action once, and records the link and the IP address", async () => {
    const { context, world, text } = await scene("Channel");
    const { action } = await decideByLink(context, text, APPROVED);
    expect(action).toMatchObject({
      state: "done",
      decided_by: { kind: "link", id: "Channel" },
      decided_from: "198.51.100.7",
      decision_reason: "it is a thief",
    });
    for (const decision of ["approve", "reject"] as const) {
      await expect(decideByLink(context, text, { decision, reason: "again" })).rejects.toThrow(
        /the action is done \(decided at .* by link Channel\)/,
      );
    }
    expect((await openApprovalLink(context, text)).action.state).toBe("done");
    const taken = world.published.filter(({ event_type }) => event_type === "action_taken");
    expect(taken).toMatchObject([
      { event_data: { decided_by: { kind: "link" }, decided_from: "198.51.100.7" } },
    ]);
    const mac = text.split(".").at(-1) ?? "";
    expect(JSON.stringify(world.published)).not.toContain(mac);
  });

  it("rejects the action, which then cannot be approved", async () => {
    const { context, text } = await scene();
    const { action } = await decideByLink(context, text, { decision: "reject", reason: "ours" });
    expect(action.state).toBe("rejected");
    await expect(decideByLink(context, text, APPROVED)).rejects.toThrow(/the action is rejected/);
  });

  it("takes effect once when it is used twice at the same time", async () => {
    const { context, text, world } = await scene();
    const outcomes = await Promise.allSettled([
      decideByLink(context, text, APPROVED),
      decideByLink(context, text, { decision: "reject", reason: "no" }),
    ]);
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const decided = world.published.filter(({ event_type }) =>
      ["action_taken", "action_rejected"].includes(event_type),
    );
    expect(decided).toHaveLength(1);
  });

  it("expires after the configured hours", async () => {
    const { context, text, world, signatures } = await scene();
    world.time.nowMs += 24 * HOUR_MS - 1000;
    await openApprovalLink(context, text);
    world.time.nowMs += 1000;
    const before = signatures.times;
    await expect(decideByLink(context, text, APPROVED)).rejects.toThrow(/has expired/);
    expect(signatures.times).toBe(before);
  });

  it("is rejected if any part is changed, or if it was made for a different key, action, receiver or time", async () => {
    const { context, text, action, propose, world } = await scene();
    const other = await propose();
    const [id = "", expires = "", sentTo = "", mac = ""] = text.split(".");
    const swapped = mac.startsWith("A") ? `B${mac.slice(1)}` : `A${mac.slice(1)}`;
    const foreign = countingKey().key;
    const options = { sentTo: "topic", validHours: 24 };
    const ofOtherKey = (await approvalLink(foreign, PAGE, action, options)).split("=")[1] ?? "";
    const forged = [
      ["a changed code", [id, expires, sentTo, swapped].join(".")],
      ["another action", [other.action_id, expires, sentTo, mac].join(".")],
      ["a later end", [id, String(Number(expires) + 3600), sentTo, mac].join(".")],
      ["another receiver", [id, expires, "Channel", mac].join(".")],
      ["another key", ofOtherKey],
      ["a code cut short", text.slice(0, -1)],
      ["something after it", `${text}A`],
      ["no code", [id, expires, sentTo, ""].join(".")],
      ["nothing", ""],
      ["other text", "../../etc/passwd"],
    ] as const;
    for (const [change, link] of forged) {
      await expect(decideByLink(context, link, APPROVED), change).rejects.toThrow(/is not valid/);
    }
    expect((await openApprovalLink(context, text)).action.state).toBe("proposed");
    expect(world.published.some(({ event_type }) => event_type === "action_taken")).toBe(false);
  });

  it("is rejected like a forged link for an unknown action, without using the signing key", async () => {
    const { context, key, signatures } = await scene();
    const unknownAction = {
      action_id: "019a8c1e-2b7d-7c3f-9d52-6f3c1d0b7a11",
      requested_at: toInstant(context.clock()),
    };
    const link = await approvalLink(key, PAGE, unknownAction, { sentTo: "topic", validHours: 1 });
    await expect(openApprovalLink(context, link.split("=")[1] ?? "")).rejects.toThrow(
      /is not valid/,
    );
    expect(signatures.times).toBe(0);
  });
});
