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
      `groupBy "${groupBy}" counts all denials together. Omit types, or set groupBy to "client"`,
    );
  }
  if (filter.reasons !== undefined && groupBy !== "reason") {
    refuse(["filter", "reasons"], 'reasons are counted by reason only. Set groupBy to "reason"');
  }
  if (filter.guesses && groupBy === "reason") {
    refuse(
      ["filter", "guesses"],
      "credential guesses are not counted by reason. List the reasons in filter.reasons",
    );
  }
  if (filter.guesses && groupBy === "client" && !types.includes("auth_failed")) {
    refuse(
      ["filter", "guesses"],
      "credential guesses are auth_failed events. Add auth_failed to types, or omit types",
    );
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
      refuse([index, "name"], `${name} is a built-in rule. Choose another name`);
    } else if (custom.findIndex((each) => each.name === name) < index) {
      refuse([index, "name"], `two rules are named ${name}. Rename one`);
    }
  }
}

/** Schema of a single rule in a file, including the checks of `checkRule`. */
export const checkedCustomRuleSchema = customRuleSchema.superRefine((rule, context) =>
  checkRule(rule, refuseIn(context)),
);
