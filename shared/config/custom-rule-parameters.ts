import * as z from "zod";
import { eventTypeSchema, identifierSchema } from "../envelope/identifiers.ts";

/** Refusals, which are counted together by address and by reason. */
const REFUSALS = ["auth_failed", "scope_violation"] as const;

const isRefusals = (types: readonly string[]) =>
  types.length === REFUSALS.length && REFUSALS.every((type) => types.includes(type));

/** A rule of your own: a threshold over what is counted. */
export const customRuleSchema = z
  .strictObject({
    /** Its name in alerts, mutes and policies: small letters, digits and `_`. */
    name: z
      .string()
      .regex(/^[a-z][a-z0-9_]{2,40}$/, "a name is 3 to 41 small letters, digits and _"),
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
  })
  .superRefine(({ types, groupBy, filter }, context) => {
    const refuse = (path: string[], message: string) =>
      context.addIssue({ code: "custom", path, message });
    if (groupBy !== "client" && !isRefusals(types)) {
      refuse(
        ["types"],
        `by ${groupBy}, only refusals are counted, all types together: leave types out, or group by client`,
      );
    }
    if (filter.reasons !== undefined && groupBy !== "reason") {
      refuse(["filter", "reasons"], 'reasons are counted by reason: set groupBy to "reason"');
    }
    if (filter.guesses && groupBy === "reason") {
      refuse(
        ["filter", "guesses"],
        "guesses are not counted by reason: name the reasons in filter.reasons",
      );
    }
    if (filter.guesses && groupBy === "client" && !types.includes("auth_failed")) {
      refuse(
        ["filter", "guesses"],
        "a guess is an auth_failed: add it to types, or leave them out",
      );
    }
  });

/** A rule of the configuration's `anomalies.custom`. */
export type CustomRule = z.output<typeof customRuleSchema>;
