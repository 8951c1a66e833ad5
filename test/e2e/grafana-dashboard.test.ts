/** docs/grafana-dashboard.json against what a running controller and running APs really tell Prometheus. */
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import t from "tap";
import type { DaemonProcess } from "../../src/daemon/process.js";
import { apsOf, Fleet } from "../support/fleet.js";

t.setTimeout(400_000);

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly h: number; readonly w: number; readonly x: number; readonly y: number };
  readonly datasource: { readonly uid: string };
  readonly targets: readonly { readonly refId: string; readonly expr: string; readonly legendFormat: string }[];
}

const { panels, templating } = JSON.parse(
  readFileSync(fileURLToPath(new URL("../../../docs/grafana-dashboard.json", import.meta.url)), "utf8"),
) as { panels: readonly Panel[]; templating: { list: readonly { name: string; type: string }[] } };

/** Of each metric its type, and the label names of its series. */
function metricsOf(text: string): Map<string, { type: string; labels: Set<string>[] }> {
  const metrics = new Map<string, { type: string; labels: Set<string>[] }>();
  for (const [, name, type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) metrics.set(name as string, { type: type as string, labels: [] });
  for (const [, series, labels] of text.matchAll(/^([a-z_]\w*)\{([^}]*)\} /gm)) {
    const metric = metrics.get(series as string) ?? metrics.get((series as string).replace(/_bucket$/, ""));
    metric?.labels.push(new Set(Array.from((labels as string).matchAll(/(\w+)="/g), ([, label]) => label as string)));
  }
  return metrics;
}

const page = async (url: URL | string): Promise<string> => (await fetch(url)).text();
const metricsAt = (ap: DaemonProcess): Promise<string> =>
  ap.line(({ metrics }) => (typeof metrics === "string" ? metrics : undefined)).then((at) => `http://${at}/metrics`);

t.test("every metric and label of the dashboard exists", async (t) => {
  const fleet = await Fleet.start(t);
  const plans = apsOf("AIR-AP2802I", 3);
  for (const plan of plans) fleet.startAp(plan, "--metrics", `${fleet.address(plan)}:0`);
  await fleet.joined(plans.map(({ name }) => name));
  await fleet.addImage("AIR-AP2802I", 100_000);
  await fleet.group("G", plans);
  t.equal((await fleet.flexup("config", "flexconnect", "group", "G", "predownload", "start", "primary")).code, 0);
  await fleet.runOver("G");
  const [address, port] = fleet.ready.capwap.split(":") as [string, string];
  const stranger = createSocket("udp4");
  await new Promise((resolve) => stranger.send("nonsense", Number(port), address, resolve));
  stranger.close();

  const controller = metricsOf(await page(new URL("/metrics", fleet.ready.admin)));
  const ap = metricsOf(await page(await metricsAt(fleet.aps.get("AP2") as DaemonProcess)));
  const known = new Map([...ap, ...controller]);
  t.equal(controller.get("flexup_backoff_seconds")?.type, "histogram");
  let labelled = 0;
  for (const { title, targets } of panels)
    for (const { expr, legendFormat } of targets) {
      const names = Array.from(expr.matchAll(/flexup_\w+/g), ([name]) => name.replace(/_bucket$/, ""));
      t.ok(names.length > 0, `${title} shows something`);
      for (const name of names) {
        const metric = known.get(name);
        t.ok(metric, `${title}: ${name}`);
        t.equal(
          /(?:rate|increase)\(/.test(expr),
          metric?.type === "counter" || metric?.type === "histogram",
          `${title}: rates of what only grows`,
        );
        const wanted = new Set([...(/by \(([^)]*)\)/.exec(expr)?.[1]?.split(/,\s*/) ?? [])]);
        for (const labels of metric?.labels ?? []) {
          labelled++;
          t.same(
            [...wanted].filter((label) => !labels.has(label)),
            [],
            `${title}: labels of ${name}`,
          );
        }
        for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
          t.ok(wanted.has(label as string) || ["instance", "daemon"].includes(label as string), `${title}: legend ${label}`);
      }
    }
  t.ok(labelled > 50, "series were there to look at");
  const shown = new Set(
    panels
      .flatMap(({ targets }) => targets.map(({ expr }) => expr))
      .join(" ")
      .match(/flexup_\w+/g),
  );
  const ours = [...known.keys()].filter((name) => !/^flexup_(?:process|nodejs)_/.test(name));
  const unseen = ours.filter((name) => !shown.has(name) && !shown.has(`${name}_bucket`));
  t.comment(`on no panel: ${unseen.join(", ")}`);
});

t.test("the dashboard is one that Grafana draws", async (t) => {
  t.equal(new Set(panels.map(({ id }) => id)).size, panels.length, "each panel has an id of its own");
  const [variable] = templating.list;
  t.match(variable, { type: "datasource" });
  const cells = new Set<string>();
  for (const { title, gridPos, datasource, targets } of panels) {
    t.equal(datasource.uid, `\${${variable?.name}}`, `${title} asks the chosen data source`);
    t.ok(gridPos.x + gridPos.w <= 24, `${title} is within the grid`);
    const cell = `${gridPos.x} ${gridPos.y}`;
    t.notOk(cells.has(cell), `${title} covers no other`);
    cells.add(cell);
    t.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length);
  }
});
