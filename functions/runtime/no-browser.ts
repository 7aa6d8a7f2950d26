/**
 * Takes the place of the package `bowser` in the bundles, with which the SDK tells browsers apart. Each bundle would
 * hold 34 KB of it, and the package may have 2 MB.
 */
export default {};
