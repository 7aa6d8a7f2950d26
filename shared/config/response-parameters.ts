import * as z from "zod";
import { identifierSchema } from "../events/identifiers.ts";
import { httpsUrl } from "./issuer-parameters.ts";

/** Response to the alerts of a rule. */
const policySchema = z.strictObject({
  /**
   * `notify` only notifies. `propose` prepares an action for approval. `dry_run` records the action without
   * taking it. `enforce` takes it.
   */
  mode: z.enum(["notify", "propose", "dry_run", "enforce"]).default("notify"),
  /**
   * `block` denies the principal's calls for a while. `revoke` revokes its existing tokens and sessions. An address
   * is always blocked.
   */
  action: z.enum(["block", "revoke"]).default("block"),
  /** Minutes a block lasts. Every automatic block expires. */
  blockMinutes: z.int().min(1).max(10_080).default(60),
});

const approvalLinksSchema = z.strictObject({
  /** Destinations: `topic` or webhook names. Anyone who receives a link can approve. */
  sentTo: z
    .array(z.string().regex(/^[A-Za-z][A-Za-z0-9]{0,30}$/, "topic, or the name of a webhook"))
    .min(1)
    .max(6)
    .default(["topic"]),
  /** Hours a link stays valid. */
  validHours: z.int().min(1).max(168).default(24),
  /** Public dashboard URL, if the admin API has a custom domain. */
  dashboardUrl: httpsUrl.optional(),
});

/** Approval link settings, with every default filled in. */
export type ApprovalLinkSettings = z.output<typeof approvalLinksSchema>;

/** Responses to alerts, by rule. Rules without a policy only notify. */
export const responsesSchema = z
  .strictObject({
    /** Policies by rule, such as `{ "token_theft": { "mode": "propose", "action": "revoke" } }`. */
    rules: z.record(z.string().regex(/^[a-z][a-z0-9_]{0,63}$/), policySchema).default({}),
    /** Automatic actions per hour, separately for addresses and principals. Further ones are only proposed. */
    actionsPerHour: z.int().min(0).max(1000).default(10),
    /** Exempt from policies; alerts only notify. */
    allow: z
      .strictObject({
        /** Client ids. Also exempts their tokens. */
        clients: z.array(identifierSchema).max(100).default([]),
        /** User ids. Also exempts their tokens. */
        users: z.array(identifierSchema).max(100).default([]),
        // Checked at synth (network-checks.ts), so that the functions start without a parser.
        /** CIDR networks, such as your office's. */
        networks: z.array(z.string().max(64)).max(100).default([]),
      })
      .prefault({}),
    /** Links that approve or reject proposed actions without signing in. `{}` enables them. */
    approvalLinks: approvalLinksSchema.optional(),
  })
  .prefault({});

/** Policy of one rule, with every default filled in. */
export type Policy = z.output<typeof policySchema>;
