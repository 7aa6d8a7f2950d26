import ts from "typescript";

/** A small change to a source file that a test should notice. */
export interface Mutant {
  /** Path from the root of the repository. */
  readonly file: string;
  readonly line: number;
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
  /** Kind of the change. */
  readonly operator: string;
}

const OPERATORS = new Map<ts.SyntaxKind, string>([
  [ts.SyntaxKind.EqualsEqualsEqualsToken, "!=="],
  [ts.SyntaxKind.ExclamationEqualsEqualsToken, "==="],
  [ts.SyntaxKind.LessThanToken, "<="],
  [ts.SyntaxKind.LessThanEqualsToken, "<"],
  [ts.SyntaxKind.GreaterThanToken, ">="],
  [ts.SyntaxKind.GreaterThanEqualsToken, ">"],
  [ts.SyntaxKind.PlusToken, "-"],
  [ts.SyntaxKind.MinusToken, "+"],
  [ts.SyntaxKind.AsteriskToken, "/"],
  [ts.SyntaxKind.SlashToken, "*"],
  [ts.SyntaxKind.PercentToken, "*"],
  [ts.SyntaxKind.PlusEqualsToken, "-="],
  [ts.SyntaxKind.MinusEqualsToken, "+="],
  [ts.SyntaxKind.AmpersandAmpersandToken, "||"],
  [ts.SyntaxKind.BarBarToken, "&&"],
  [ts.SyntaxKind.QuestionQuestionToken, "&&"],
]);

/** Methods and functions that are swapped for each other. */
const SWAPPED = new Map([
  ["some", "every"],
  ["every", "some"],
  ["min", "max"],
  ["max", "min"],
  ["startsWith", "endsWith"],
  ["endsWith", "startsWith"],
  ["floor", "ceil"],
  ["ceil", "floor"],
]);

/** Methods whose call is replaced by the object that it is called on. */
const LEFT_AWAY = new Set(["filter", "sort", "slice", "reverse", "trim", "toLowerCase", "flat"]);

/** Properties with human-readable text. */
const WORDS = new Set(["message", "error", "advice", "catches", "falsePositives"]);

/** Zod methods whose last argument is an error message. */
const VALIDATORS = new Set(["regex", "refine", "min", "max"]);

const getName = (node: ts.Node): string =>
  ts.isPropertyAccessExpression(node) ? node.name.text : ts.isIdentifier(node) ? node.text : "";

const isText = (node: ts.Node) =>
  ts.isStringLiteral(node) ||
  ts.isNoSubstitutionTemplateLiteral(node) ||
  ts.isTemplateExpression(node);

/** Whether a node is human-readable text in a log line, an error or a rule's description. */
function isForPeople(node: ts.Node): boolean {
  const { parent } = node;
  if (!parent) return false;
  if (ts.isPropertyAssignment(parent) && parent.initializer === node) {
    return WORDS.has(parent.name.getText()) && (isText(node) || ts.isConditionalExpression(node));
  }
  if (ts.isNewExpression(parent))
    return isText(node) && getName(parent.expression).endsWith("Error");
  if (!ts.isCallExpression(parent) || !isText(node)) return false;
  const { expression: callee, arguments: given } = parent;
  if (callee.kind === ts.SyntaxKind.SuperKeyword || getName(callee) === "reject") return true;
  if (!ts.isPropertyAccessExpression(callee)) return false;
  const isLog = ["logger", "console"].includes(getName(callee.expression));
  return isLog || (VALIDATORS.has(getName(callee)) && given.length > 1 && given.at(-1) === node);
}

/** Whether a node is the name of a property. */
function isName(node: ts.Node): boolean {
  const { parent } = node;
  return ts.isPropertyAssignment(parent) && parent.name === node;
}

/**
 * Yields the changes to one node but not to its children. Each change has the replaced range, the replacement, and the
 * kind.
 */
function* findChanges(node: ts.Node): Generator<[{ start: number; end: number }, string, string]> {
  const of = (each: ts.Node) => ({ start: each.getStart(), end: each.getEnd() });
  const text = (each: ts.Node) => each.getText();
  if (ts.isBinaryExpression(node)) {
    const other = OPERATORS.get(node.operatorToken.kind);
    // In parentheses, because `a && b ?? c` does not parse.
    if (other && ["&&", "||"].includes(other)) {
      yield [of(node), `((${text(node.left)}) ${other} (${text(node.right)}))`, "operator"];
    } else if (other) yield [of(node.operatorToken), other, "operator"];
  }
  if (node.kind === ts.SyntaxKind.TrueKeyword) yield [of(node), "false", "boolean"];
  if (node.kind === ts.SyntaxKind.FalseKeyword) yield [of(node), "true", "boolean"];
  if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken) {
    yield [of(node), `(${text(node.operand)})`, "negation"];
  }
  if (ts.isNumericLiteral(node) && !isName(node)) {
    yield [of(node), `(${node.text} + 1)`, "number"];
  }
  if (isText(node) && !isName(node)) {
    const empty = (node as ts.StringLiteral).text === "";
    yield [of(node), empty ? '"mutated"' : '""', "text"];
  }
  if (ts.isArrayLiteralExpression(node) && node.elements.length > 0) {
    yield [of(node), "[]", "array"];
  }
  if (ts.isIfStatement(node) || ts.isConditionalExpression(node)) {
    const condition = ts.isIfStatement(node) ? node.expression : node.condition;
    yield [of(condition), "true", "condition"];
    yield [of(condition), "false", "condition"];
  }
  if (ts.isWhileStatement(node)) yield [of(node.expression), "false", "condition"];
  if (ts.isExpressionStatement(node) || ts.isContinueStatement(node) || ts.isThrowStatement(node)) {
    const isSuper = text(node).startsWith("super(");
    if (!isSuper) yield [of(node), ";", "statement"];
  }
  if (ts.isReturnStatement(node)) {
    if (!node.expression) yield [of(node), ";", "early return"];
    else if (text(node.expression) !== "undefined") {
      yield [of(node.expression), "undefined", "returned value"];
    }
  }
  if (ts.isArrowFunction(node) && !ts.isBlock(node.body)) {
    yield [of(node.body), "undefined", "returned value"];
  }
  if (ts.isAwaitExpression(node)) yield [of(node), `(${text(node.expression)})`, "await"];
  if (ts.isPropertyAccessExpression(node) && node.questionDotToken) {
    yield [of(node.questionDotToken), ".", "optional chaining"];
  }
  if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
    const { name, expression: object } = node.expression;
    const other = SWAPPED.get(name.text);
    // `z.string().min(1)` sets a bound and does not choose the smaller value.
    const isBound = node.arguments.length === 1 && ["min", "max"].includes(name.text);
    if (other && (!isBound || ts.isSpreadElement(node.arguments[0] as ts.Node))) {
      yield [of(name), other, "method"];
    }
    if (LEFT_AWAY.has(name.text)) yield [of(node), `(${text(object)})`, "method"];
  }
}

const isOnlyTypes = (node: ts.Node) =>
  ts.isTypeNode(node) ||
  ts.isInterfaceDeclaration(node) ||
  ts.isTypeAliasDeclaration(node) ||
  ts.isImportDeclaration(node) ||
  ts.isExportDeclaration(node);

export function parse(file: string, code: string): ts.SourceFile {
  return ts.createSourceFile(file, code, ts.ScriptTarget.Latest, true);
}

/** Returns every mutant of a source file. */
export function findMutants(file: string, code: string): Mutant[] {
  const source = parse(file, code);
  const found: Mutant[] = [];
  const visit = (node: ts.Node): void => {
    if (isOnlyTypes(node) || isForPeople(node)) return;
    for (const [{ start, end }, replacement, operator] of findChanges(node)) {
      const line = source.getLineAndCharacterOfPosition(start).line + 1;
      found.push({ file, line, start, end, replacement, operator });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Applies a mutant's change. */
export function mutate(code: string, { start, end, replacement }: Mutant): string {
  return code.slice(0, start) + replacement + code.slice(end);
}
