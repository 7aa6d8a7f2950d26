const NAMES = new Intl.DisplayNames(["en"], { type: "region", fallback: "none" });
const SHORT_NAMES = new Intl.DisplayNames(["en"], {
  type: "region",
  style: "short",
  fallback: "none",
});

const LETTERS = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];

/** Unicode regions that aren't countries: unions, reserved island codes, unknown and test codes. */
const NO_COUNTRY: ReadonlySet<string> = new Set([
  "AC",
  "CP",
  "DG",
  "EA",
  "EU",
  "EZ",
  "IC",
  "QO",
  "TA",
  "UN",
  "XA",
  "XB",
  "ZZ",
]);

/** Country names that providers use but Unicode doesn't list. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  "brunei darussalam": "BN",
  burma: "MM",
  "cape verde": "CV",
  "congo republic": "CG",
  "cote d'ivoire": "CI",
  "czech republic": "CZ",
  "dr congo": "CD",
  "east timor": "TL",
  "federated states of micronesia": "FM",
  "great britain": "GB",
  "hashemite kingdom of jordan": "JO",
  "holy see": "VA",
  "iran, islamic republic of": "IR",
  "islamic republic of iran": "IR",
  "ivory coast": "CI",
  "korea, republic of": "KR",
  "lao people's democratic republic": "LA",
  macedonia: "MK",
  moldova: "MD",
  "north korea": "KP",
  palestine: "PS",
  "republic of korea": "KR",
  "republic of lithuania": "LT",
  "republic of moldova": "MD",
  "republic of the congo": "CG",
  "russian federation": "RU",
  "south korea": "KR",
  swaziland: "SZ",
  "syrian arab republic": "SY",
  turkey: "TR",
  "united republic of tanzania": "TZ",
  "united states of america": "US",
  usa: "US",
  "viet nam": "VN",
};

/** Maximum length of a country name. */
const LONGEST_NAME = 64;

/** Normalizes a name: removes accents, case and a leading article, and unifies apostrophes. */
function plain(name: string): string {
  return name
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .replaceAll("’", "'")
    .replaceAll("&", "and")
    .toLowerCase()
    .trim()
    .replace(/^the /, "");
}

/** Returns the current code for a two-letter code, such as `GB` for `UK`, or undefined if the code isn't a country. */
function currentCode(code: string): string | undefined {
  const region = new Intl.Locale(`und-${code}`).region;
  return region !== undefined && NAMES.of(region) !== undefined && !NO_COUNTRY.has(region)
    ? region
    : undefined;
}

let codes: ReadonlyMap<string, string> | undefined;

/** Maps country names to codes. Built on first use, because it takes milliseconds. */
function codesByName(): ReadonlyMap<string, string> {
  if (codes) return codes;
  const all = LETTERS.flatMap((first) => LETTERS.map((second) => first + second));
  codes = new Map([
    ...all
      .filter((code) => currentCode(code) === code)
      .flatMap((code) =>
        [NAMES, SHORT_NAMES].map((names) => [plain(names.of(code) ?? code), code] as const),
      ),
    ...Object.entries(OTHER_NAMES),
  ]);
  return codes;
}

/**
 * Returns the ISO 3166-1 alpha-2 code for a country code or English country name (Unicode CLDR), or undefined
 * for anything else, such as `EU` or `Atlantis`.
 */
export function countryCode(country: unknown): string | undefined {
  if (typeof country !== "string" || country.length > LONGEST_NAME) return undefined;
  const text = country.trim();
  if (/^[A-Za-z]{2}$/.test(text)) return currentCode(text.toUpperCase());
  return codesByName().get(plain(text));
}
