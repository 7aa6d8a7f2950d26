import { existsSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import bundledChromium from "@sparticuz/chromium";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll } from "vitest";

/** Common paths of an installed Chromium. */
const SYSTEM_CHROMIUM = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];

/** Installs Chromium with its system libraries on Debian. */
const INSTALL = "apt-get update && apt-get install -y chromium";

/** Returns the Chromium path in `CHROMIUM`, or else the system's, or else the one that `npm ci` installs. */
async function findChromium(): Promise<string> {
  const { CHROMIUM } = process.env;
  if (CHROMIUM !== undefined) {
    if (!existsSync(CHROMIUM))
      throw new Error(`CHROMIUM is set to ${CHROMIUM}, which does not exist`);
    return CHROMIUM;
  }
  return SYSTEM_CHROMIUM.find((path) => existsSync(path)) ?? bundledChromium.executablePath();
}

const SCREENSHOTS = fileURLToPath(new URL("../../.local/screenshots/", import.meta.url));

/** Returns the path of a screenshot, in a folder that git ignores. */
export function screenshotFile(name: string): string {
  mkdirSync(SCREENSHOTS, { recursive: true });
  return `${SCREENSHOTS}${name}.png`;
}

/** Starts one Chromium per test file. Each test opens its own contexts. */
export function useBrowser() {
  let browser: Browser;
  beforeAll(async () => {
    const executablePath = await findChromium();
    const args = [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
    ];
    browser = await chromium.launch({ executablePath, args }).catch((cause: unknown) => {
      throw new Error(`${executablePath} does not start: install one with ${INSTALL}`, { cause });
    });
  });
  afterAll(() => browser?.close());

  return async (options: Parameters<Browser["newContext"]>[0] = {}): Promise<OpenPage> => {
    const context = await browser.newContext({
      viewport: { width: 1400, height: 900 },
      locale: "en-US",
      acceptDownloads: true,
      ...options,
    });
    const page = await context.newPage();
    const complaints: string[] = [];
    const hosts = new Set<string>();
    page.on("console", (message) => {
      // Chromium also logs every 4xx response as an error.
      const expected = message.text().startsWith("Failed to load resource");
      if (message.type() === "error" && !expected) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("request", (request) => {
      const { protocol, host } = new URL(request.url());
      if (protocol.startsWith("http")) hosts.add(host);
    });
    return { context, page, complaints, hosts };
  };
}

export interface OpenPage {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Page errors and content security policy violations. */
  readonly complaints: string[];
  /** Every host that the page sent a request to. */
  readonly hosts: Set<string>;
}
