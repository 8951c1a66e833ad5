/** Debian's Chromium, driven by playwright-core. Tests that need it skip, and say so, where it is not installed. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import type { Test } from "tap";

export const chromiumPath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
export const skipWithoutChromium = existsSync(chromiumPath)
  ? {}
  : { skip: `no browser at ${chromiumPath}: install it with "apt-get install chromium"` };

export async function launchBrowser(t: Pick<Test, "teardown">): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: chromiumPath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });
  t.teardown(() => browser.close());
  return browser;
}

/** The widths that the page is made for. */
export const screens = {
  desk: { viewport: { width: 1280, height: 800 }, colorScheme: "light" },
  phone: { viewport: { width: 390, height: 844 }, colorScheme: "dark" },
} satisfies Record<string, BrowserContextOptions>;

/** For everything that a page is waited for: far longer than any machine needs. */
const patienceMs = 90_000;

/** A page on which every script error, refused resource and foreign address fails the test. */
export async function openPage(
  t: Pick<Test, "fail" | "teardown">,
  browser: Browser,
  options: BrowserContextOptions = screens.desk,
): Promise<Page> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(patienceMs);
  t.teardown(() => context.close());
  const page = await context.newPage();
  page.on("pageerror", (error) => t.fail(`the page threw: ${error.stack}`));
  page.on("request", (request) => {
    const { hostname, protocol } = new URL(request.url());
    if (protocol !== "data:" && !hostname.startsWith("127.")) t.fail(`the page asked ${request.url()}`);
  });
  return page;
}

/**
 * Goes to a place of the page and waits until that is what is drawn: only the fragment may differ, and then nothing is loaded again and
 * what was there before stands a moment longer.
 */
export async function goTo(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(drawn))))");
}

const axePath = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

interface AxeViolation {
  readonly id: string;
  readonly impact: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** What axe-core finds on the page as it is now and calls serious or critical, one line each. */
export async function seriousFaults(page: Page): Promise<readonly string[]> {
  // The page's own policy lets no foreign script in; evaluating goes past it as a browser extension would.
  await page.evaluate(await readFile(axePath, "utf8"));
  const violations = (await page.evaluate(
    "axe.run(document, { resultTypes: ['violations'] }).then((results) => results.violations)",
  )) as readonly AxeViolation[];
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, help, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${help}: ${html}: ${failureSummary}`));
}
