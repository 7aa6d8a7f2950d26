import type * as z from "zod";
import type { AnomaliesConfig } from "./anomaly-parameters.ts";
import { type CustomRule, customRuleSchema, DENIAL_TYPES } from "./custom-rule-parameters.ts";

type Reject = (path: readonly (string | number)[], message: string) => void;

const isRejections = (types: readonly string[]) =>
  types.length === DENIAL_TYPES.length && DENIAL_TYPES.every((type) => types.includes(type));

function checkRule({ types, groupBy, filter }: CustomRule, reject: Reject): void {
  if (groupBy !== "client" && !isRejections(types)) {
    reject(
      ["types"],
      `groupBy "${groupBy}" counts all denials together. Omit types, or set groupBy to "client"`,
    );
  }
  if (filter.reasons !== undefined && groupBy !== "reason") {
    reject(["filter", "reasons"], 'reasons are counted by reason only. Set groupBy to "reason"');
  }
  if (filter.credentialGuesses && groupBy === "reason") {
    reject(
      ["filter", "credentialGuesses"],
      "credential guesses are not counted by reason. List the reasons in filter.reasons",
    );
  }
  if (filter.credentialGuesses && groupBy === "client" && !types.includes("auth_failed")) {
    reject(
      ["filter", "credentialGuesses"],
      "credential guesses are auth_failed events. Add auth_failed to types, or omit types",
    );
  }
}

/** Adds an issue to a zod refinement. */
const rejectIn =
  (context: z.core.$RefinementCtx): Reject =>
  (path, message) =>
    context.addIssue({ code: "custom", path: [...path], message });

/** Reports rules whose options conflict, and rule names that are taken. */
export function checkCustomRules({ custom, rules }: AnomaliesConfig, reject: Reject): void {
  for (const [index, rule] of custom.entries()) {
    checkRule(rule, (path, message) => reject([index, ...path], message));
    const { name } = rule;
    if (Object.hasOwn(rules, name)) {
      reject([index, "name"], `${name} is a built-in rule. Choose another name`);
    } else if (custom.findIndex((each) => each.name === name) < index) {
      reject([index, "name"], `two rules are named ${name}. Rename one`);
    }
  }
}

/** Schema of a single rule in a file, including the checks of `checkRule`. */
export const checkedCustomRuleSchema = customRuleSchema.superRefine((rule, context) =>
  checkRule(rule, rejectIn(context)),
);
