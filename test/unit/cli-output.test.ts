import fc from "fast-check";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { run } from "../../cli/main.ts";
import {
  printable,
  printableJson,
  printableLines,
  progress,
  table,
} from "../../shared/core/terminal.ts";
import { HOSTILE_TEXTS, hostileJson, hostileText } from "../hostile-values.ts";

// Ignores a local stack that runs in this clone, because the CLI would send its commands there.
vi.mock("../../shared/stack/local-stack-file.ts", () => ({ localStackIsThere: () => false }));
vi.hoisted(() => void vi.resetModules());
afterAll(() => void vi.resetModules());

/** Characters that control a terminal or hide or reorder text, except line feeds. */
const OBEYED = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

describe("CLI output", () => {
  it("contains no terminal control characters from stored text", () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        expect(printable(text)).not.toMatch(/\p{Cc}/u);
        expect(table(["A", "B"], [[printable(text), printable(text)]])).not.toMatch(OBEYED);
      }),
    );
    expect(printable("\u001b[2J\u009b\u202e\ud800")).toBe("\\x1b[2J\\x9b\\u202e\\ud800");
    expect(printable("Zoë 中文 😀")).toBe("Zoë 中文 😀");
  });

  it("contains the same data in JSON format with --json", () => {
    fc.assert(
      fc.property(hostileJson, (value) => {
        const text = printableJson(value);
        expect(text).not.toMatch(OBEYED);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe("table", () => {
  const columns = (count: number | undefined) => {
    const before = process.stdout.columns;
    process.stdout.columns = count as number;
    return () => {
      process.stdout.columns = before;
    };
  };

  it("pads each column to the longest cell and separates columns with two spaces and no borders", () => {
    const restore = columns(undefined);
    const text = table(["ID", "Name"], [["1", "Ada"], ["1234", "x"], ["5"]]);
    restore();
    expect(text.split("\n").map((line) => line.trimEnd())).toEqual([
      "ID    Name",
      "1     Ada",
      "1234  x",
      "5",
    ]);
  });

  it("truncates the last column to the terminal width, but keeps at least twenty characters", () => {
    const getLast = (width: number) => {
      const restore = columns(width);
      const text = table(["A", "B"], [["12345", "y".repeat(100)]]);
      restore();
      return text.split("\n").at(-1)?.split("  ")[1]?.length;
    };
    expect([40, 27, 10].map(getLast)).toEqual([33, 20, 20]);
  });
});

it("progress writes only to a terminal and overwrites the previous line", () => {
  const written: string[] = [];
  const write = vi.spyOn(process.stderr, "write").mockImplementation((chunk) => {
    written.push(String(chunk));
    return true;
  });
  const before = process.stderr.isTTY;
  for (const isTTY of [false, true]) {
    process.stderr.isTTY = isTTY;
    progress("half");
  }
  process.stderr.isTTY = before;
  write.mockRestore();
  expect(written).toEqual(["\r\u001b[2Khalf"]);
});

it("printableLines keeps line breaks and escapes other control characters", () => {
  expect(printableLines("a\u0007\nb\r")).toBe("a\\x07\nb\\x0d");
});

describe("CLI arguments", () => {
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
    "are rejected without printing control characters: %s",
    async (_, text) => {
      for (const argv of [[text], ["events", `--${text}`], ["clients", text, "--id", text]]) {
        expect(await run(["node", "oauth-monitoring", ...argv])).toBe(2);
      }
      expect(shown.join("")).not.toMatch(OBEYED);
    },
  );
});
