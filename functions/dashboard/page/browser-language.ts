/**
 * Whether the browser's language is a valid language tag (RFC 5646). Without a system locale (`LANG=C`), browsers
 * report `en-US@posix`, which makes the chart library throw. This module must be imported first.
 */
function isLanguageTag(language: string): boolean {
  try {
    return Intl.getCanonicalLocales(language).length === 1;
  } catch {
    return false;
  }
}

if (!isLanguageTag(navigator.language)) {
  Object.defineProperty(navigator, "language", { value: "en-US", configurable: true });
}
