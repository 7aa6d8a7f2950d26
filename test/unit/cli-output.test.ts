import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { run } from "../../cli/main.ts";
import { printable, printableJson, table } from "../../shared/terminal/output.ts";
import { HOSTILE_TEXTS, hostileJson, hostileText } from "../hostile-values.ts";

// A local stack that runs in this clone would answer the commands.
vi.mock("../../shared/stack/local-stack-file.ts", () => ({ localStackIsThere: () => false }));

/** What a terminal obeys, or what hides or turns text; a line's end is meant. */
const OBEYED = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

describe("what the CLI prints", () => {
  it("has nothing that a terminal obeys, whatever is in the store", () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        expect(printable(text)).not.toMatch(/\p{Cc}/u);
        expect(table(["A", "B"], [[printable(text), printable(text)]])).not.toMatch(OBEYED);
      }),
    );
    expect(printable("\u001b[2J\u009b\u202e\ud800")).toBe("\\x1b[2J\\x9b\\u202e\\ud800");
    expect(printable("Zoë 中文 😀")).toBe("Zoë 中文 😀");
  });

  it("is the same JSON with --json", () => {
    fc.assert(
      fc.property(hostileJson, (value) => {
        const text = printableJson(value);
        expect(text).not.toMatch(OBEYED);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe("the CLI's arguments", () => {
  let shown: string[] = [];
  beforeEach(() => {
    shown = [];
    vi.spyOn(process.stderr, "write").mockImplementation((chunk) => {
      shown.push(String(chunk));
      return true;
    });
    vi.spyOn(console, "error").mockImplementation((text) => {
      shown.push(String(text));
    });
  });
  afterEach(() => vi.restoreAllMocks());

  it.each(HOSTILE_TEXTS.map((text) => [JSON.stringify(text).slice(0, 40), text]))(
    "are refused without being obeyed: %s",
    async (_, text) => {
      for (const argv of [[text], ["events", `--${text}`], ["clients", text, "--id", text]]) {
        expect(await run(["node", "oauth-monitoring", ...argv])).toBe(2);
      }
      expect(shown.join("")).not.toMatch(OBEYED);
    },
  );
});
