import { describe, expect, it } from "vitest";
import { findMutants, mutate } from "../mutation/mutants.ts";
import { findFunction, withProbes } from "../mutation/probes.ts";

const mutations = (code: string) =>
  findMutants("a.ts", code).map((mutant) => mutate(code, mutant).replaceAll(/\s+/g, " "));

describe("mutantsOf", () => {
  it.each([
    ["f(a < 1)", [";", "f(a <= 1)", "f(a < (1 + 1))"]],
    ["a ?? b", [";", "((a) && (b))"]],
    ["a?.b", [";", "a.b"]],
    [
      "if (!a) return;",
      ["if (true) return;", "if (false) return;", "if ((a)) return;", "if (!a) ;"],
    ],
    ["const f = () => true", ["const f = () => undefined", "const f = () => false"]],
    ["const x = list.some(f)", ["const x = list.every(f)"]],
    ["const x = await f()", ["const x = (f())"]],
    ['const x = ["a"]', ["const x = []", 'const x = [""]']],
  ])("mutates %s into %j", (code, all) => {
    expect(mutations(code)).toEqual(all);
  });

  it("skips human-readable text, types, module names and property names", () => {
    const code = `
      import { a } from "a";
      type T = "x" | "y";
      interface I { readonly kind: "z" }
      class OddError extends Error { constructor() { super("words"); } }
      const e = new OddError(\`words\`);
      const m = { message: "words", advice: "words", "a-name": e };
      const s = schema.regex(re, "words").refine(g, "words");
    `;
    expect(mutations(code)).toEqual([]);
    expect(mutations('logger.warn("words")')).toEqual([";"]);
  });
});

it("probes report the module and each function, and getSource returns the innermost function", () => {
  const code = "const f = (a) => a.map((b) => b + 1);\nfunction g() { return f([2]); }\ng();";
  const reached = new Set<string>();
  Object.assign(globalThis, { reached });
  new Function(withProbes("a.ts", code))();
  Object.assign(globalThis, { reached: undefined });
  expect([...reached].sort()).toEqual(["a.ts#0", "a.ts#1", "a.ts#2", "a.ts#3"]);
  const getSourceOfText = (text: string) => {
    const mutant = findMutants("a.ts", code).find(({ start }) => code.startsWith(text, start));
    return mutant && findFunction(mutant, code);
  };
  expect(getSourceOfText("1)")).toBe("a.ts#2");
  expect(getSourceOfText("2]")).toBe("a.ts#3");
  expect(getSourceOfText("g();")).toBe("a.ts#0");
});
