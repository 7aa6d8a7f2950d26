/** Maximum length to parse. Longer texts are cut. */
const LONGEST = 512;

/** Browsers, most specific product first: Edge's user agent also names Chrome, and Chrome's also names Safari. */
const BROWSERS: readonly (readonly [product: string, family: string])[] = [
  ["Edg", "Edge"],
  ["OPR", "Opera"],
  ["SamsungBrowser", "Samsung Internet"],
  ["Firefox", "Firefox"],
  ["FxiOS", "Firefox"],
  ["CriOS", "Chrome"],
  ["HeadlessChrome", "Headless Chrome"],
  ["Chrome", "Chrome"],
  ["Safari", "Safari"],
];

/** Platforms by word in the user agent's comments, most specific first: Android's user agent also names Linux. */
const PLATFORMS: readonly (readonly [word: string, platform: string])[] = [
  ["iPhone", "iOS"],
  ["iPad", "iOS"],
  ["Android", "Android"],
  ["Windows", "Windows"],
  ["Macintosh", "macOS"],
  ["CrOS", "ChromeOS"],
  ["Linux", "Linux"],
];

/** Products that appear in every browser's user agent. */
const FILLERS: ReadonlySet<string> = new Set([
  "Mozilla",
  "AppleWebKit",
  "Gecko",
  "Version",
  "Mobile",
  "Safari",
  "Chrome",
  "CFNetwork",
  "Darwin",
]);

/** Splits a user agent into the products outside comments, and the text within comments (RFC 9110, section 10.1.5). */
function splitUserAgent(text: string): { products: string[]; comments: string } {
  let depth = 0;
  let outside = "";
  let comments = "";
  for (const character of text) {
    if (character === "(") depth += 1;
    else if (character === ")") depth = Math.max(0, depth - 1);
    else if (depth === 0) outside += character;
    else comments += character;
    if (depth > 0 && character === "(") outside += " ";
  }
  const products = outside.split(" ").flatMap((word) => word.split("/", 1).filter(Boolean));
  return { products, comments };
}

/**
 * Returns a user agent's family and platform, such as `Firefox on Linux` or `okhttp`. Leaves out versions, so that an
 * update doesn't change the result. If an app adds its own product to a browser's user agent, that product is the
 * family.
 *
 * @returns undefined if there is no text
 */
export function parseAgent(userAgent: unknown): string | undefined {
  if (typeof userAgent !== "string" || userAgent.trim() === "") return undefined;
  const { products, comments } = splitUserAgent(userAgent.slice(0, LONGEST));
  const browser = BROWSERS.find(([product]) => products.includes(product))?.[1];
  const browsers = new Set(BROWSERS.map(([product]) => product));
  const own = products.find((product) => !FILLERS.has(product) && !browsers.has(product));
  const family = (products[0] === "Mozilla" ? (own ?? browser) : products[0]) ?? "unknown";
  const platform = PLATFORMS.find(([word]) => comments.includes(word))?.[1];
  return (platform === undefined ? family : `${family} on ${platform}`).slice(0, 64);
}
