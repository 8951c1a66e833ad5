import t from "tap";
import { ImageCatalogue } from "../../../src/core/controller/image-catalogue.js";
import { Outbox } from "../../../src/core/controller/outbox.js";
import type { ImageRecord } from "../../../src/core/controller/records.js";
import { image } from "../../support/controller-lab.js";

t.test("an image that was stored under another kind of label keeps it, and takes a good one", async (t) => {
  const stored: ImageRecord = { ...image({ version: "9.0-rc1" }), id: "primary-aaaaaaaaaaaa", families: ["ap3g2"], addedAt: 1 };
  const catalogue = new ImageCatalogue([stored], [], new Outbox());
  const labelled = (version: string) => catalogue.plan(2, { primary: [{ ...stored, version }], backup: [] });
  t.match(labelled("9.0-rc1"), { ok: true, value: { changes: [] } }, "its configuration can be exported and imported");
  t.match(labelled("9.0"), { ok: true, value: { changes: [/version 9\.0-rc1 -> 9\.0/] } });
  t.match(labelled("9.0-rc2"), { ok: false, failure: { code: "bad-image", message: /numbers joined by dots/ } });
});
