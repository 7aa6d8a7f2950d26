/**
 * An EventBridge event pattern. Supports the subset that our rules use: exact values and the operators `prefix` and
 * `exists`. Any other operator fails at startup, so that matches never differ from AWS.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 */
export type EventPattern = { readonly [field: string]: EventPattern | readonly unknown[] };

type Matcher = (value: unknown) => boolean;

function compileOperator(operator: unknown): Matcher {
  if (typeof operator !== "object" || operator === null) return (value) => value === operator;
  const [name, argument] = Object.entries(operator)[0] ?? [];
  switch (name) {
    case "prefix":
      return (value) => typeof value === "string" && value.startsWith(String(argument));
    case "exists":
      return (value) => (value !== undefined) === argument;
    default:
      throw new Error(`the local event bus does not support the pattern operator ${name}`);
  }
}

/**
 * Compiles a pattern.
 *
 * @throws Error for an unsupported operator
 */
export function compilePattern(pattern: EventPattern): Matcher {
  const fields = Object.entries(pattern).map(([field, expected]): [string, Matcher] => {
    if (!Array.isArray(expected)) return [field, compilePattern(expected as EventPattern)];
    const operators = expected.map(compileOperator);
    return [
      field,
      (value) => {
        const values = Array.isArray(value) ? value : [value];
        return operators.some((matches) => values.some(matches));
      },
    ];
  });
  return (event) =>
    fields.every(([field, matches]) =>
      matches((event as Record<string, unknown> | undefined)?.[field]),
    );
}
