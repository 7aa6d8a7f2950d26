import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { printable, table } from "../../infra/cli/output.ts";

describe("what the command line prints", () => {
  it("of a caller's text neither moves the cursor nor turns the direction", () => {
    expect(printable("a\u001b[2J\u009b1mb\u202ec\n")).toBe("a\\x1b[2J\\x9b1mb\\u202ec\\x0a");
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(printable(text)).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
      }),
    );
  });

  it("has no blanks at the ends of a table's lines", () => {
    const lines = table(
      ["id", "text"],
      [
        ["1", "a"],
        ["22", ""],
      ],
    ).split("\n");
    expect(lines.map((line) => line.trimEnd())).toEqual(lines);
  });
});
