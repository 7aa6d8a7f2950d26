/**
 * Modules of the authorization path that most calls don't need. A function loads each with its first use, to keep cold
 * starts short. The npm package uses load-at-start.ts instead (local/build/build-package.ts).
 */

export const loadOtherIssuersModule = () => import("./other-issuers.ts");

export const loadDenyListReader = () => import("./deny-list-reader.ts");

export const loadAdministratorRecords = () => import("./administrator-records.ts");
