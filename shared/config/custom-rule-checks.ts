import type * as z from "zod";
import type { AnomaliesConfig } from "./anomaly-parameters.ts";
import { type CustomRule, customRuleSchema, REFUSALS } from "./custom-rule-parameters.ts";

type Refuse = (path: readonly (string | number)[], message: string) => void;

const isRefusals = (types: readonly string[]) =>
  types.length === REFUSALS.length && REFUSALS.every((type) => types.includes(type));

function checkRule({ types, groupBy, filter }: CustomRule, refuse: Refuse): void {
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
    refuse(["filter", "guesses"], "a guess is an auth_failed: add it to types, or leave them out");
  }
}

/** Adds an issue to a zod refinement. */
const refuseIn =
  (context: z.core.$RefinementCtx): Refuse =>
  (path, message) =>
    context.addIssue({ code: "custom", path: [...path], message });

/** Reports rules whose options conflict, and rule names that are taken. */
export function checkCustomRules({ custom, rules }: AnomaliesConfig, refuse: Refuse): void {
  for (const [index, rule] of custom.entries()) {
    checkRule(rule, (path, message) => refuse([index, ...path], message));
    const { name } = rule;
    if (Object.hasOwn(rules, name)) {
      refuse([index, "name"], `${name} is a rule of the product: give yours another name`);
    } else if (custom.findIndex((each) => each.name === name) < index) {
      refuse([index, "name"], `two rules are named ${name}: give each a name of its own`);
    }
  }
}

/** Schema of a single rule in a file, including the checks of `checkRule`. */
export const checkedCustomRuleSchema = customRuleSchema.superRefine((rule, context) =>
  checkRule(rule, refuseIn(context)),
);
