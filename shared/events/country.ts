const NAMES = new Intl.DisplayNames(["en"], { type: "region", fallback: "none" });
const SHORT_NAMES = new Intl.DisplayNames(["en"], {
  type: "region",
  style: "short",
  fallback: "none",
});

const LETTERS = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];

/** Regions of Unicode's that are no country: unions, islands with reserved codes, the unknown, codes for tests. */
const NO_COUNTRY: ReadonlySet<string> = new Set([
  ...["AC", "CP", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"],
]);

/** What providers write and Unicode does not. */
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

/** No name of a country is longer. */
const LONGEST_NAME = 64;

/** A name without what writers differ in: accents, case, a first article, the form of apostrophes. */
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

/** The code of today for a code of two letters: `UK` is `GB`. Undefined when it is no country's. */
function currentCode(code: string): string | undefined {
  const region = new Intl.Locale(`und-${code}`).region;
  return region !== undefined && NAMES.of(region) !== undefined && !NO_COUNTRY.has(region)
    ? region
    : undefined;
}

let codes: ReadonlyMap<string, string> | undefined;

/** Every country's code by its names. It takes milliseconds, so that it is made on first use. */
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
 * The code of ISO 3166-1 (two letters) for a country's code or its English name, as Unicode's CLDR has them.
 * Anything else, such as `EU` or `Atlantis`, is undefined.
 */
export function countryCode(country: unknown): string | undefined {
  if (typeof country !== "string" || country.length > LONGEST_NAME) return undefined;
  const text = country.trim();
  if (/^[A-Za-z]{2}$/.test(text)) return currentCode(text.toUpperCase());
  return codesByName().get(plain(text));
}
