import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toCsv } from "../../functions/dashboard/page/export.ts";
import {
  RECENT,
  readView,
  subjectFilters,
  writeView,
} from "../../functions/dashboard/page/view.ts";
import { pageDocument } from "../../functions/dashboard/page-document.ts";

describe("dashboard view in the URL", () => {
  const value = fc.string({ minLength: 1 }).filter((text) => text.trim() === text);
  const viewArbitrary = fc.record({
    range: fc.oneof(
      fc.constantFrom(...(Object.keys(RECENT) as (keyof typeof RECENT)[])),
      fc
        .tuple(fc.integer({ min: 0, max: 4e12 }), fc.integer({ min: 1, max: 1e11 }))
        .map(([fromMs, length]) => ({ fromMs, toMs: fromMs + length })),
    ),
    filters: fc.record(
      {
        ...{ client_id: value, user_id: value, token_id: value, ip: value },
        ...{ country: value, asn: value, network_type: value },
      },
      { requiredKeys: [] },
    ),
    events: fc.constantFrom("security", "all", "token_used", "auth0_fp"),
  });

  it("survives being written to the URL and read back", () => {
    fc.assert(
      fc.property(viewArbitrary, (view) => {
        expect(readView(writeView(view))).toEqual(view);
      }),
    );
  });

  it("distinguishes filters that affect the counts from filters that affect only the list", () => {
    const { filters } = readView("?client_id=shop&country=DE&asn=64496&network_type=vpn");
    expect(filters).toEqual({
      client_id: "shop",
      country: "DE",
      asn: "64496",
      network_type: "vpn",
    });
    expect(subjectFilters(filters)).toEqual({ client_id: "shop" });
  });

  it("can be read from any URL without an error", () => {
    fc.assert(
      fc.property(fc.webQueryParameters(), (search) => {
        const { range } = readView(`?${search}`);
        expect(typeof range === "object" || range in RECENT).toBe(true);
      }),
    );
    expect(readView("?range=__proto__&from=x&events=%00")).toEqual({
      range: "24h",
      filters: {},
      events: "security",
    });
  });
});

describe("toCsv", () => {
  it("quotes special characters and escapes spreadsheet formulas", () => {
    const rows = [
      { id: 1, agent: '=HYPERLINK("http://x")', data: { a: 'b"c' } },
      { id: -2, agent: "plain, with comma", more: null },
    ];
    expect(toCsv(rows)).toBe(
      [
        "id,agent,data,more",
        `1,"'=HYPERLINK(""http://x"")","{""a"":""b\\""c""}",`,
        '-2,"plain, with comma",,',
        "",
      ].join("\r\n"),
    );
  });

  it("escapes a formula in any cell, whichever separator the spreadsheet uses", () => {
    const starts = ["=", "+", "-", "@", "\uFF1D", "\uFF0B", "\uFF0D", "\uFF20"];
    const before = ["", "\t", "\r", "\n", "x;", 'x;"', "x; '", "x\t", "x\r\n", 'x;"" '];
    const agents = before.flatMap((text) => starts.map((start) => `${text}${start}1+cmd|'/c'!A1`));
    for (const agent of agents) {
      const [, line = ""] = toCsv([{ id: 1, agent }]).split(/\r\n(?=1,)/);
      const field = line.replace(/^1,"?/, "").replace(/"?\r\n$/, "");
      for (const part of [field, ...field.split(/[;\t\r\n]/)]) {
        const cell = part.replace(/^["\s]+/, "");
        expect(cell, JSON.stringify(agent)).not.toMatch(/^[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]/);
      }
      expect(field, JSON.stringify(agent)).not.toMatch(/^[\t\r\n]/);
    }
    const harmless = "Mozilla/5.0 (X11; Linux) a=b a-b c@d";
    expect(toCsv([{ agent: harmless, list: [1, -2] }])).toContain(`"${harmless}","[1,-2]"`);
  });
});

describe("pageDocument", () => {
  it("allows only the script and style that the page contains", () => {
    const { html, headers } = pageDocument("let a = 1;", "body{}");
    expect(html).toContain('<script type="module">let a = 1;</script>');
    const policy = headers["Content-Security-Policy"];
    // echo -n 'let a = 1;' | openssl dgst -sha256 -binary | base64
    expect(policy).toContain("script-src 'sha256-xY6QKfH9PRsQnLz56nj6MBwiK5oHg+im1Jkpdp1x/Ck=';");
    expect(policy).not.toContain("unsafe");
    const other = pageDocument("let a = 2;", "body{}").headers["Content-Security-Policy"];
    expect(other).not.toBe(policy);
  });
});
