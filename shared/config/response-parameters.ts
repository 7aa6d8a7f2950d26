import * as z from "zod";
import { identifierSchema } from "../events/identifiers.ts";
import { ipBlockSchema } from "../events/ip-block.ts";
import { httpsUrl } from "./issuer-parameters.ts";

/** What is done when a rule has raised an alert. */
const policySchema = z.strictObject({
  /**
   * `notify` tells people. `propose` also prepares an action that waits for approval. `dry_run` records the action as if
   * it had been taken. `enforce` takes it.
   */
  mode: z.enum(["notify", "propose", "dry_run", "enforce"]).default("notify"),
  /** `block` refuses the subject's calls for a while, `revoke` what it was issued so far. An address is always blocked. */
  action: z.enum(["block", "revoke"]).default("block"),
  /** Minutes for which a block lasts. Every automatic block ends. */
  blockMinutes: z.int().min(1).max(10_080).default(60),
});

const approvalLinksSchema = z.strictObject({
  /** Where links are sent: `topic` for the alarm topic, or the name of a webhook. Anyone who reads them there can approve. */
  sentTo: z
    .array(z.string().regex(/^[A-Za-z][A-Za-z0-9]{0,30}$/, "topic, or the name of a webhook"))
    .min(1)
    .max(6)
    .default(["topic"]),
  /** Hours after the proposal for which a link can be used. */
  validHours: z.int().min(1).max(168).default(24),
  /** The address of the dashboard as people reach it, if the admin API has a domain name of its own. */
  dashboardUrl: httpsUrl.optional(),
});

/** Links to approve by, with every default filled in. */
export type ApprovalLinkSettings = z.output<typeof approvalLinksSchema>;

/** What is done about alerts, by rule. Without a policy people are told, and nothing else is done. */
export const responsesSchema = z
  .strictObject({
    /** Policies by the name of the rule, such as `{ "token_theft": { "mode": "propose", "action": "revoke" } }`. */
    rules: z.record(z.string().regex(/^[a-z][a-z0-9_]{0,63}$/), policySchema).default({}),
    /**
     * The most actions that policies take in a clock hour, counted separately for addresses and for users, clients and
     * tokens. Beyond it they only propose.
     */
    actionsPerHour: z.int().min(0).max(1000).default(10),
    /** Whom policies never act against: people are only told. */
    allow: z
      .strictObject({
        /** Client ids. They also protect the client's tokens. */
        clients: z.array(identifierSchema).max(100).default([]),
        /** User ids. They also protect the user's tokens. */
        users: z.array(identifierSchema).max(100).default([]),
        /** Networks in CIDR form, such as your office's and your monitoring's. */
        networks: z.array(ipBlockSchema).max(100).default([]),
      })
      .prefault({}),
    /** Links by which a proposed action can be approved or rejected without signing in. `{}` switches them on. */
    approvalLinks: approvalLinksSchema.optional(),
  })
  .prefault({});

/** The responses' part of the configuration. */
export type ResponsesConfig = z.output<typeof responsesSchema>;

/** The policy of one rule. */
export type Policy = z.output<typeof policySchema>;
