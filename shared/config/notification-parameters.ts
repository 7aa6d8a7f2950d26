import * as z from "zod";
import { secretArn } from "./issuer-parameters.ts";

/** The types of our events that webhooks are told of, and what a notice calls them. */
export const NOTICE_TYPES: Readonly<Record<string, string>> = {
  suspicious_activity: "alert.opened",
  alert_resolved: "alert.resolved",
  action_taken: "action.taken",
  action_proposed: "action.proposed",
  action_released: "action.released",
};

const webhookSchema = z.strictObject({
  /** A name of one's own, in the log and in the names of resources. */
  name: z
    .string()
    .regex(/^[A-Z][A-Za-z0-9]{0,30}$/, "a capital letter, then at most 30 letters and digits"),
  /**
   * ARN of the secret with `{"url": "https://…", "secret": "whsec_…"}`. Slack's and Teams' addresses are secrets of
   * their own, and need no `secret`.
   */
  secretArn,
  /** `standard` is JSON signed as Standard Webhooks, `slack` and `teams` are messages for a channel. */
  format: z.enum(["standard", "slack", "teams"]).default("standard"),
});

/** Where alerts and actions go, in addition to the alarm topic. */
export const notificationsSchema = z
  .strictObject({
    /** Addresses that are called for each alert and action. */
    webhooks: z
      .array(webhookSchema)
      .max(5)
      .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, {
        error: "two webhooks have one name: give each its own",
      })
      .default([]),
  })
  .prefault({});

/** A webhook, with every default filled in. */
export type WebhookConfig = z.output<typeof webhookSchema>;
