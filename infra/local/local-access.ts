import { REGION } from "./template.ts";

/** Region and credentials for SDK clients of the host itself; the local services check neither. */
export const LOCAL_ACCESS = {
  region: REGION,
  credentials: { accessKeyId: "local", secretAccessKey: "local" },
};
