import * as administratorRecords from "./administrator-records.ts";
import * as denyListReader from "./deny-list-reader.ts";
import * as otherIssuers from "./other-issuers.ts";

/** Replaces load-on-demand.ts in the npm package, where nothing may be loaded with `import()`. */

export const loadOtherIssuersModule = async () => otherIssuers;

export const loadDenyListReader = async () => denyListReader;

export const loadAdministratorRecords = async () => administratorRecords;
