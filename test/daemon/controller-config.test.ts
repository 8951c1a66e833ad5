import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { defaultTimings, labTimings } from "../../src/core/controller/timings.js";
import { readControllerSettings } from "../../src/daemon/controller-config.js";
import { temporaryFolder } from "../support/folder.js";

t.test("defaults", async (t) => {
  t.same(readControllerSettings({ data: "/d" }), {
    ok: true,
    value: {
      data: "/d",
      listen: { address: "0.0.0.0", port: 5246 },
      admin: { address: "127.0.0.1", port: 8080 },
      ssh: null,
      platform: "default",
      lab: false,
      name: "flexup",
      log: "info",
      sessions: 3,
      wanTransfers: 100,
      wanRate: null,
      downloadAtJoin: false,
      peer: null,
      peerMismatch: "refuse",
      imageBytesMax: 4294967296,
      timings: defaultTimings,
    },
  });
});

t.test("the command line overrides the file, the file the defaults", async (t) => {
  const config = join(temporaryFolder(t), "flexup.yaml");
  writeFileSync(config, "data: /from-file\nlisten: '[::1]:0'\nplatform: '5508'\nlab: true\ntimings:\n  silenceMs: 5\n");
  const read = readControllerSettings({ config, data: "/from-option", admin: "localhost:0" });
  t.match(read, {
    ok: true,
    value: {
      data: "/from-option",
      listen: { address: "::1", port: 0 },
      admin: { address: "127.0.0.1", port: 0 },
      platform: "5508",
      timings: { ...labTimings, silenceMs: 5 },
    },
  });
});

t.test("a rate for the WAN, in bytes per second, as text with a unit or as a number", async (t) => {
  const rateOf = (options: Record<string, unknown>): unknown => {
    const read = readControllerSettings({ data: "/d", ...options });
    return read.ok ? read.value.wanRate : read.failure.message;
  };
  t.equal(rateOf({ wanRate: "2M" }), 2_000_000);
  t.equal(rateOf({ wanRate: "500k" }), 500_000);
  t.equal(rateOf({ wanRate: "1.25M" }), 1_250_000);
  t.equal(rateOf({ wanRate: "64000" }), 64_000);
  const config = join(temporaryFolder(t), "flexup.yaml");
  writeFileSync(config, "wanRate: 1500000\n");
  t.equal(rateOf({ config }), 1_500_000);
  for (const wrong of ["fast", "999", "-1", "2MB", "1e9", ""]) {
    t.equal(
      rateOf({ wanRate: wrong }),
      `--wan-rate: "${wrong}" is not a valid rate: expected bytes per second such as 500k or 2M, at least 1000`,
    );
  }
});

t.test("what is wrong is said in one line with its place", async (t) => {
  const folder = temporaryFolder(t);
  const config = join(folder, "flexup.yaml");
  const told = (options: Record<string, unknown>, file?: string): string => {
    if (file !== undefined) writeFileSync(config, file);
    const read = readControllerSettings(file === undefined ? options : { ...options, config });
    return read.ok ? "accepted" : `${read.failure.code}: ${read.failure.message}`;
  };
  t.equal(told({}), "invalid-config: --data: expected the controller's data folder");
  t.equal(
    told({ data: "/d", listen: "host.example:1" }),
    'invalid-config: --listen: "host.example:1" is not a valid address: expected one like 127.0.0.1:5246 or [::]:5246',
  );
  t.equal(
    told({ data: "/d", admin: "127.0.0.1:99999" }),
    'invalid-config: --admin: "127.0.0.1:99999" is not a valid address: expected one like 127.0.0.1:8080 or [::]:8080',
  );
  for (const peer of ["wlc2", "ftp://wlc2", "http://wlc2.example:8080", "https://wlc2:8443/api", "https://admin:pass@wlc2"]) {
    t.equal(
      told({ data: "/d", peer }),
      `invalid-config: --peer: "${peer}" is not a valid peer address: expected one like https://wlc2.example:8443 (http on loopback only)`,
    );
  }
  t.equal(told({ data: "/d", peer: "https://wlc2.example:8443/" }), "accepted");
  t.equal(told({ data: "/d", peer: "http://127.0.0.1:8081" }), "accepted");
  t.equal(told({ data: "/d", peer: "http://127.0.0.1:8080" }), "invalid-config: --peer: http://127.0.0.1:8080 is this controller itself");
  t.equal(told({ data: "/d", platform: "9800" }), "invalid-config: --platform: expected 5508, 7510, default, unlimited");
  t.equal(told({ data: "/d" }, "sessions: 65\n"), `invalid-config: ${config}, sessions: Too big: expected number to be <=64`);
  t.equal(told({ data: "/d" }, "colour: blue\n"), `invalid-config: ${config}: Unrecognized key: "colour"`);
  t.equal(
    told({ data: "/d" }, "- a\n"),
    `invalid-config: ${config} is not a valid configuration: expected lines like "data: /var/lib/flexup"`,
  );
  t.match(told({ data: "/d" }, "a: [\n"), /^config-unreadable: \S+flexup\.yaml cannot be read: [^\n]+$/);
  t.match(told({ data: "/d", config: join(folder, "none.yaml") }), /^config-unreadable: \S+none\.yaml cannot be read: ENOENT[^\n]+$/);
});
