import * as z from "zod";
import { secretArn } from "./issuer-parameters.ts";

/** Event types that webhooks receive, and their names in the payload. */
export const NOTICE_TYPES: Readonly<Record<string, string>> = {
  suspicious_activity: "alert.opened",
  alert_resolved: "alert.resolved",
  action_taken: "action.taken",
  action_proposed: "action.proposed",
  action_released: "action.released",
};

const webhookSchema = z.strictObject({
  /** Name in logs and resource names. */
  name: z
    .string()
    .regex(/^[A-Z][A-Za-z0-9]{0,30}$/, "a capital letter, then at most 30 letters and digits"),
  /** Secret ARN: `{"url": "https://…", "secret": "whsec_…"}`. Slack and Teams need no `secret`. */
  secretArn,
  /** `standard` is signed JSON (Standard Webhooks); the others are chat messages. */
  format: z.enum(["standard", "slack", "teams"]).default("standard"),
});

/** Webhooks for alerts and actions, in addition to the alarm topic. */
export const notificationsSchema = z
  .strictObject({
    /** Webhooks to call for each alert and action. */
    webhooks: z
      .array(webhookSchema)
      .max(5)
      .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, {
        error: "two webhooks have the same name. Rename one",
      })
      .default([]),
  })
  .prefault({});

/** A webhook, with every default filled in. */
export type WebhookConfig = z.output<typeof webhookSchema>;
