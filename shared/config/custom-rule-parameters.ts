import * as z from "zod";
import { eventTypeSchema, identifierSchema } from "../events/identifiers.ts";

/** Refusals, which are counted together by address and by reason. */
export const REFUSALS = ["auth_failed", "scope_violation"] as const;

/**
 * A rule of your own: a threshold over what is counted. `checkedCustomRuleSchema` also says what does not go together: it is
 * apart, because functions read what was checked when the stack was synthesized.
 */
export const customRuleSchema = z.strictObject({
  /** Its name in alerts, mutes and policies: small letters, digits and `_`. */
  name: z.string().regex(/^[a-z][a-z0-9_]{2,40}$/, "a name is 3 to 41 small letters, digits and _"),
  /** Whether the rule runs. */
  enabled: z.boolean().default(true),
  /** Types of the events that it counts. */
  types: z
    .array(eventTypeSchema)
    .min(1)
    .max(10)
    .default([...REFUSALS]),
  /** For whom it counts: each client, each address that is refused, or each reason of refusals. */
  groupBy: z.enum(["client", "address", "reason"]),
  /** What it counts of these events. */
  filter: z
    .strictObject({
      /** Of these clients only; without it, of all. */
      clients: z.array(identifierSchema).min(1).max(50).optional(),
      /** With these reasons only; needs `groupBy: "reason"`. */
      reasons: z.array(z.string().min(1).max(100)).min(1).max(50).optional(),
      /** Guesses only: refusals of a token, password or factor that nobody was given. */
      guesses: z.literal(true).optional(),
    })
    .prefault({}),
  /** The length of the window in minutes. */
  windowMinutes: z.int().min(5).max(120).default(60),
  /** The count within the window that raises an alert. */
  threshold: z.int().min(1),
  /** The alert's score: from 40 on its risk is medium, from 70 on high. */
  score: z.int().min(40).max(100).default(50),
  /** What to do about it, for the person on call. */
  advice: z
    .string()
    .trim()
    .min(1)
    .max(300)
    .default("Look at the events; the rule is your own, and so is what it means."),
});

/** A rule of the configuration's `anomalies.custom`. */
export type CustomRule = z.output<typeof customRuleSchema>;
