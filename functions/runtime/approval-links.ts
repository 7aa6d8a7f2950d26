import { readEnvironment, withConfigFile } from "../../shared/config/environment.ts";
import { approvalLink, type LinkKey } from "../../shared/response/approval-link.ts";

/**
 * Creates the approval link for an action. Returns undefined if links aren't enabled for the receiver.
 *
 * @param sentTo `topic`, or the name of a webhook
 */
export type LinkMaker = (
  action: { readonly action_id: string; readonly requested_at: string },
  sentTo: string,
) => Promise<string | undefined>;

/** Creates the link maker that the function's environment configures. Loads KMS only if links are enabled. */
export function linkMaker(): LinkMaker {
  if (process.env.APPROVAL_KEY_ARN === undefined) return async () => undefined;
  const environment = readEnvironment(withConfigFile(process.env), [
    "APPROVAL_KEY_ARN",
    "APPROVAL_PAGE_URL",
    "OAUTH_MONITORING_CONFIG",
  ]);
  const settings = environment.OAUTH_MONITORING_CONFIG.responses.approvalLinks;
  let key: Promise<LinkKey> | undefined;
  return async (action, sentTo) => {
    if (!settings?.sentTo.includes(sentTo)) return undefined;
    key ??= import("./approval-key.ts").then(({ kmsLinkKey }) =>
      kmsLinkKey(environment.APPROVAL_KEY_ARN),
    );
    const { validHours } = settings;
    return approvalLink(await key, environment.APPROVAL_PAGE_URL, action, { sentTo, validHours });
  };
}
