type OneOrMore<T> = T | readonly T[];

/** A policy statement, as in the template. */
export interface Statement {
  readonly Effect: string;
  /** Absent in an identity-based policy. */
  readonly Principal?: string | Readonly<Record<string, OneOrMore<string>>>;
  readonly Action: OneOrMore<string>;
  readonly Resource?: OneOrMore<string>;
  readonly Condition?: Readonly<
    Record<string, Readonly<Record<string, OneOrMore<string | boolean>>>>
  >;
}

/** The caller: a service by its name, such as `events.amazonaws.com`, or a role or an account by its ARN. */
export type Principal = { readonly service: string } | { readonly arn: string };

/** Context of a request by condition key, such as `aws:SourceArn`. */
export type RequestContext = Readonly<Record<string, string>>;

/** A request to evaluate against policies. */
export interface PolicyRequest {
  /** Absent when evaluating an identity-based policy. */
  readonly principal?: Principal | undefined;
  readonly action: string;
  readonly resource: string;
  readonly context: RequestContext;
}

const toList = <T>(value: OneOrMore<T>): readonly T[] => [value].flat() as readonly T[];

/** Whether a text matches a pattern with `*` and `?`. */
function isLike(pattern: string, text: string): boolean {
  let [inPattern, inText] = [0, 0];
  /** Position in the pattern after the last `*`, and end of its match in the text. */
  let [afterStar, starEnd] = [-1, 0];
  while (inText < text.length) {
    const expected = pattern[inPattern];
    if (expected === "*") {
      inPattern += 1;
      [afterStar, starEnd] = [inPattern, inText];
    } else if (expected === "?" || expected === text[inText]) {
      inPattern += 1;
      inText += 1;
    } else if (afterStar >= 0) {
      starEnd += 1;
      [inPattern, inText] = [afterStar, starEnd];
    } else return false;
  }
  return [...pattern.slice(inPattern)].every((character) => character === "*");
}

type Operator = (expected: string, actual: string) => boolean;

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html */
const OPERATORS: Readonly<Record<string, Operator>> = {
  StringEquals: (expected, actual) => expected === actual,
  StringLike: isLike,
  // ArnEquals and ArnLike behave the same.
  ArnEquals: isLike,
  ArnLike: isLike,
  Bool: (expected, actual) => expected.toLowerCase() === actual.toLowerCase(),
};

/** Whether every condition matches. A condition does not match if the request is missing its key. */
function conditionsHold(condition: Statement["Condition"], context: RequestContext): boolean {
  const valuesByKey = new Map(
    Object.entries(context).map(([key, value]) => [key.toLowerCase(), value]),
  );
  return Object.entries(condition ?? {}).every(([operator, keys]) => {
    const holds = OPERATORS[operator];
    if (!holds) {
      throw new Error(`the local stack does not support the condition ${operator} of a policy`);
    }
    return Object.entries(keys).every(([key, values]) => {
      const found = valuesByKey.get(key.toLowerCase());
      return found !== undefined && toList(values).some((each) => holds(String(each), found));
    });
  });
}

function names(statement: Statement, principal: Principal | undefined): boolean {
  const { Principal: named } = statement;
  if (principal === undefined || named === undefined) return principal === named;
  if (named === "*") return true;
  if (typeof named === "string") return false;
  const expected = "service" in principal ? principal.service : principal.arn;
  const kind = "service" in principal ? "Service" : "AWS";
  return (
    toList(named[kind] ?? []).includes(expected) ||
    toList(named.AWS ?? []).some((arn) => arn === "*")
  );
}

function isAbout(statement: Statement, request: PolicyRequest): boolean {
  const { action, resource, context } = request;
  return (
    names(statement, request.principal) &&
    toList(statement.Action).some((each) => isLike(each.toLowerCase(), action.toLowerCase())) &&
    toList(statement.Resource ?? "*").some((each) => isLike(each, resource)) &&
    conditionsHold(statement.Condition, context)
  );
}

/**
 * Evaluates statements for a request. An explicit deny wins. Returns undefined if no statement applies.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
export function decide(
  statements: readonly Statement[],
  request: PolicyRequest,
): "allowed" | "denied" | undefined {
  const about = statements.filter((statement) => isAbout(statement, request));
  if (about.some(({ Effect }) => Effect === "Deny")) return "denied";
  return about.length > 0 ? "allowed" : undefined;
}
