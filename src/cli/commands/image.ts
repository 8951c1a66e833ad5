import { type Command, command, fileCommand } from "../command.js";
import { imageAddedText, imagesText } from "../layouts/images.js";
import { parityText } from "../layouts/parity.js";

export const imageCommands: readonly Command[] = [
  fileCommand(
    "image add <file> --version <version> --models <models> --release <release> [--bundle <bundle>]",
    "add an image file to a release",
    async ({ file, version, models, release, bundle }, files) => {
      const answer = await files.upload(file, bundle, { version, models, release });
      if (!answer.ok) return answer;
      return { ok: true, value: answer.value, text: imageAddedText(answer.value) };
    },
  ),
  command("image ls", { help: "all images of both releases", order: () => ({ type: "show-images" }), text: imagesText }),
  command("image parity", {
    help: "whether the peer controller holds the same images",
    order: () => ({ type: "show-peer" }),
    text: ({ peer }) => parityText(peer),
    partial: ({ peer }) => peer?.verdict === "differs",
  }),
  command("image rm <image>", {
    help: "remove an image from a release",
    order: ({ image }) => ({ type: "image-remove", imageId: image }),
    text: (image) => `Image ${image.id} removed\n`,
  }),
];
