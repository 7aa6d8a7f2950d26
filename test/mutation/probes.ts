import ts from "typescript";
import { type Mutant, parse } from "./mutants.ts";

/** Code that a test can reach: a function's body, or the module itself when it is loaded. */
interface FunctionSource {
  readonly id: string;
  readonly start: number;
  readonly end: number;
  readonly body?: ts.ConciseBody;
}

/** Returns the module, then its functions, outer before inner. */
function getFunctions(file: string, code: string): FunctionSource[] {
  const functions: FunctionSource[] = [{ id: `${file}#0`, start: 0, end: code.length }];
  const visit = (node: ts.Node): void => {
    const body = ts.isFunctionLike(node) ? (node as ts.FunctionLikeDeclaration).body : undefined;
    if (body) {
      const [start, end] = [body.getStart(), body.getEnd()];
      functions.push({ id: `${file}#${functions.length}`, start, end, body });
    }
    ts.forEachChild(node, visit);
  };
  visit(parse(file, code));
  return functions;
}

/** Returns the ID of the innermost function that contains a mutant. */
export function findFunction(mutant: Mutant, code: string): string {
  const around = getFunctions(mutant.file, code).filter(
    ({ start, end }) => start <= mutant.start && mutant.end <= end,
  );
  return around.at(-1)?.id ?? "";
}

/** Adds a probe to each function. It reports the function's ID to `globalThis.reached`. */
export function withProbes(file: string, code: string): string {
  const insertions = getFunctions(file, code).flatMap(({ id, start, end, body }) => {
    const probe = `globalThis.reached?.add(${JSON.stringify(id)})`;
    if (!body) return [{ at: end, text: `\n${probe};` }];
    if (ts.isBlock(body)) return [{ at: start + 1, text: `${probe};` }];
    return [
      { at: start, text: `(${probe}, ` },
      { at: end, text: ")" },
    ];
  });
  // Inserts from the end, so that positions stay valid. At the same position, the inner probe comes first.
  return insertions
    .map((insertion, index) => ({ ...insertion, index }))
    .sort((a, b) => b.at - a.at || b.index - a.index)
    .reduce((text, { at, text: added }) => text.slice(0, at) + added + text.slice(at), code);
}
