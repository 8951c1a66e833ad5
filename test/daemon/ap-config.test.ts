import t from "tap";
import { controllerSources, readApSettings } from "../../src/daemon/ap-config.js";

const options = { data: "/tmp/ap", name: "AP1", mac: "000a.b83b.0bc2", model: "AIR-AP2802I", controller: "wlc.example,10.0.0.2:5300" };
const refused = (more: object): string | undefined => {
  const settings = readApSettings({ ...options, ...more });
  return settings.ok ? undefined : settings.failure.message;
};

t.test("what is left away has its default", async (t) => {
  t.match(readApSettings(options), {
    ok: true,
    value: {
      mac: "00:0a:b8:3b:0b:c2",
      controller: [
        { host: "wlc.example", port: 5246 },
        { host: "10.0.0.2", port: 5300 },
      ],
      bind: "0.0.0.0",
      tftpPort: 69,
      onReset: "restart",
    },
  });
});

t.test("each wrong option is named with what was expected", async (t) => {
  for (const [more, message] of [
    [{ mac: "x" }, '--mac: "x" is not a valid MAC address: expected one like 00:0a:b8:3b:0b:c2'],
    [{ name: undefined }, "--name: expected the AP's name"],
    [{ name: "" }, "--name: expected the AP's name"],
    [{ controller: "wlc:0" }, '--controller: "wlc:0" is not a valid controller: expected HOST[:PORT]'],
    [{ bind: "here" }, "--bind: expected an address of this host"],
    [{ onReset: "burn" }, "--on-reset: expected restart or exit"],
    [{ mac: "x", bind: "y" }, /^--mac: .*; --bind: /],
  ] as const)
    t.match(refused(more), message);
});

t.test("controllers may come from DHCP and DNS, in the order of RFC 5415 §3.3", async (t) => {
  const { controller: _controller, ...alone } = options;
  const read = readApSettings({ ...alone, dhcp138: "C0A8000A:C0A8000B", dhcp43: "01 02 aabb f1 04 0a000001", dnsDomain: "branch.example" });
  t.match(read.ok && controllerSources(read.value), {
    configured: [],
    dhcp: ["192.168.0.10", "192.168.0.11", "10.0.0.1"],
    domain: "branch.example",
  });
  t.equal(refused({ dhcp138: "c0a800" }), '--dhcp138: "c0a800" is not one or more IPv4 addresses of 4 octets each, in hexadecimal');
  t.equal(refused({ dhcp43: "0102aabb" }), '--dhcp43: "0102aabb" is not sub-option f1 with IPv4 addresses, in hexadecimal');
  t.match(refused({ dhcp43: "f1" }), /^--dhcp43: /);
});

t.test("a number is written in decimal digits", async (t) => {
  t.match(readApSettings({ ...options, tftpPort: "0", flashBytes: "1000000" }), {
    ok: true,
    value: { tftpPort: 0, flashBytes: 1_000_000 },
  });
  for (const text of ["", " 69", "0x45", "6.9e1", "69.0", "-1", "65536", "١"])
    t.equal(refused({ tftpPort: text }), "--tftp-port: expected a port, 0 for any", text);
  t.equal(refused({ flashBytes: "1e9" }), "--flash-bytes: expected a number of bytes");
});

t.test("what an AP says of itself is one line", async (t) => {
  for (const [field, what] of [
    ["name", "the AP's name"],
    ["version", "a version, e.g. 8.5.161.0"],
    ["location", "the AP's location"],
    ["serial", "the AP's serial number"],
    ["model", "the AP's model, e.g. AIR-AP2802I"],
  ] as const)
    for (const text of ["a\nb", "a\u001b[2J", "\u202eb"]) t.equal(refused({ [field]: text }), `--${field}: expected ${what}`);
});

t.test("a version that the AP could not tell its controller is refused, as octets are counted there", async (t) => {
  for (const [version, ok] of [
    ["8.5.161.0", true],
    ["9".repeat(64), true],
    ["é".repeat(33), false],
    ["8.5\n", false],
    ["", false],
  ] as const)
    t.equal(readApSettings({ ...options, version }).ok, ok, JSON.stringify(version));
});
