import * as z from "zod";
import { eventTypeSchema, identifierSchema } from "../events/identifiers.ts";

/** Event types of denied calls, which are counted together by address and by reason. */
export const DENIAL_TYPES = ["auth_failed", "scope_violation"] as const;

/**
 * Schema of a custom rule: a threshold over counters. Deployed functions use it without the checks of
 * `checkedCustomRuleSchema`, which already ran at synth.
 */
export const customRuleSchema = z.strictObject({
  /** Name in alerts, mutes and policies. */
  name: z
    .string()
    .regex(/^[a-z][a-z0-9_]{2,40}$/, "a lower-case letter, then 2 to 40 of a-z, 0-9 and _"),
  /** Enables the rule. */
  enabled: z.boolean().default(true),
  /** Event types to count. */
  types: z
    .array(eventTypeSchema)
    .min(1)
    .max(10)
    .default([...DENIAL_TYPES]),
  /** Grouping: client, address or denial reason. The last two count only denied calls. */
  groupBy: z.enum(["client", "address", "reason"]),
  /** Restricts what counts. */
  filter: z
    .strictObject({
      /** Only these clients. */
      clients: z.array(identifierSchema).min(1).max(50).optional(),
      /** Only these denial reasons. Needs `groupBy: "reason"`. */
      reasons: z.array(z.string().min(1).max(100)).min(1).max(50).optional(),
      /** Only credential guesses: unknown tokens, wrong passwords or factors. */
      credentialGuesses: z.literal(true).optional(),
    })
    .prefault({}),
  /** Counting window. */
  windowMinutes: z.int().min(5).max(120).default(60),
  /** Count that raises an alert. */
  threshold: z.int().min(1),
  /** Alert score: medium risk from 40, high from 70. */
  score: z.int().min(40).max(100).default(50),
  /** Advice for the on-call engineer. */
  advice: z
    .string()
    .trim()
    .min(1)
    .max(300)
    .default("Review the events. This is a custom rule of this stack."),
});

/** A custom rule, with every default filled in. */
export type CustomRule = z.output<typeof customRuleSchema>;
