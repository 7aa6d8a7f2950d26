import fc from "fast-check";

/** A token in our own format. Tests search the output for this token to find leaks. */
export const SECRET = `oam_${"S3cr3t_-".repeat(5)}abc`;

/** Names of properties that every object inherits, and other special names. */
export const PROTOTYPE_NAMES = [
  "__proto__",
  "constructor",
  "toString",
  "valueOf",
  "hasOwnProperty",
  "prototype",
  "toJSON",
  "then",
] as const;

/** Text that breaks lines, terminals, encodings, queries and markup. */
export const HOSTILE_TEXTS = [
  ...PROTOTYPE_NAMES,
  "",
  " ",
  "\u0000",
  "a\u0000b",
  "\ud800",
  "x\udc00y",
  "\u{1f600}",
  "\u202egnp.exe",
  "\u2028",
  "\r\nSet-Cookie: a=b",
  'x"}\n{"level":"ERROR"',
  "\u001b[2J\u001b]0;owned\u0007",
  "\u009b2J",
  "$" + "{jndi:ldap://x}",
  "' OR 1=1 --",
  "<script>alert(1)</script>",
  "../../etc/passwd",
  "a#b#0",
  "x".repeat(300),
  "é".repeat(2000),
  SECRET,
  `Bearer ${SECRET}`,
] as const;

const HOSTILE_NUMBERS = [
  0,
  -0,
  -1,
  1.5,
  2 ** 53,
  2 ** 53 + 2,
  -(2 ** 63),
  1.7e18,
  1e20,
  1.5e25,
  1e125,
  1e126,
  1e-130,
  5e-324,
  Number.MAX_VALUE,
];

/** Instants at and beyond the valid limits, and texts that only look like instants. */
export const HOSTILE_INSTANTS = [
  "2026-11-23T10:00:00Z",
  "0000-01-01T00:00:00Z",
  "0001-01-01T00:00:00.000Z",
  "1969-12-31T23:59:59.999Z",
  "9999-12-31T23:59:59.999Z",
  "+275760-09-13T00:00:00.000Z",
  "-271821-04-20T00:00:00.000Z",
  "10000-01-01T00:00:00Z",
  "2026-02-30T00:00:00Z",
  "2026-11-23T24:00:00Z",
  "2026-11-23T10:00:60Z",
  "2026-11-23T10:00:00+00:00",
  `2026-11-23T10:00:00.${"1".repeat(500)}Z`,
  "NaN",
  "now",
] as const;

export const hostileText = fc.oneof(
  fc.constantFrom(...HOSTILE_TEXTS),
  fc.string({ unit: "binary", maxLength: 40 }),
);

/** Any JSON, including prototype keys. */
export const hostileJson: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    hostileText,
    fc.constantFrom(...HOSTILE_NUMBERS),
    fc.constantFrom(true, false, null),
    fc.constantFrom(...HOSTILE_INSTANTS),
    fc.array(tie("value"), { maxLength: 4 }),
    fc
      .array(fc.tuple(hostileText, tie("value")), { maxLength: 4 })
      .map((entries) => Object.fromEntries(entries)),
  ),
})).value;
