import { describe, expect, it } from "vitest";
import { alertNotification } from "../../shared/detection/alert-notification.ts";
import { sampleAlert } from "../sample-alert.ts";

const alert = sampleAlert({ oauth_client_id: "app" });

describe("alertNotification", () => {
  it("states what happened, the subject, the numbers and the advice", () => {
    const { subject, text, json } = alertNotification(alert);
    expect(subject).toBe("OAuth alert (high risk): failure_burst ip 203.0.113.9");
    expect(text.split("\n")).toEqual([
      "60 failed calls within 10 minutes from 203.0.113.9",
      "",
      "Risk: high (75 of 100)",
      "Rule: failure_burst",
      "Subject: ip 203.0.113.9",
      "Client: app",
      "Observed: 60 (threshold 40)",
      "Window: 2026-11-23T09:50:00.000Z to 2026-11-23T10:00:00.000Z",
      "What to do: Block the address.",
      "",
      "Evidence:",
      '  failures by client: {"app":60}',
      '  event: {"ip":"203.0.113.9"}',
      '  event: {"ip":"x"}',
    ]);
    expect(JSON.parse(json)).toEqual(alert);
  });

  it("lists the findings in chronological order when several rules contributed", () => {
    const finding = (rule: string, minute: number) => ({
      rule,
      subject: alert.subject,
      message: `${rule} found it`,
      score: 50,
      observed: 1,
      first_seen_at: `2026-11-23T10:0${minute}:00.000Z`,
      last_seen_at: "2026-11-23T10:09:00.000Z",
    });
    const findings = [finding("dead_tokens", 0), finding("failure_burst", 5)];
    const { text } = alertNotification({ ...alert, findings });
    expect(text).toContain(
      [
        "Findings:",
        "  2026-11-23T10:00:00.000Z dead_tokens: dead_tokens found it",
        "  2026-11-23T10:05:00.000Z failure_burst: failure_burst found it",
        "",
        "Evidence:",
      ].join("\n"),
    );
  });

  it("states when an alert was resolved and omits the advice", () => {
    const { oauth_client_id: _, ...withoutClient } = alert;
    const { subject, text } = alertNotification({
      ...withoutClient,
      state: "resolved",
      resolved_at: "2026-11-23T11:00:00.000Z",
      evidence: {},
    });
    expect(subject).toBe("Resolved: failure_burst ip 203.0.113.9");
    expect(text).toMatch(/^Resolved at 2026-11-23T11:00:00.000Z: 60 failed calls/);
    expect(text).not.toMatch(/What to do|Client:|event:/);
    expect(text).toMatch(/Evidence:$/);
  });

  it("has a subject line that SNS accepts for any ID", () => {
    const id = `ü\n${"x".repeat(200)}`;
    const { subject } = alertNotification({ ...alert, subject: { kind: "client", id } });
    expect(subject).toMatch(/^OAuth alert \(high risk\): failure_burst client \?\?x+$/);
    expect(subject).toHaveLength(100);
  });
});
