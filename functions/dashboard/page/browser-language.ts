/**
 * On a system without a locale (`LANG=C`), browsers call their language `en-US@posix`. That is no language tag
 * (RFC 5646), and the library of the charts would stop the whole page at it. Imported before anything else.
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
