import { type Command, command, fileCommand } from "../command.js";
import { imagesText } from "../layouts/images.js";
import { parityText } from "../layouts/parity.js";

export const imageCommands: readonly Command[] = [
  fileCommand(
    "image add <file> --version <version> --models <models> --release <release>",
    "add an image file to a release",
    async ({ file, version, models, release }, files) => {
      const answer = await files.upload(file, { version, models, release });
      if (!answer.ok) return answer;
      const image = answer.value;
      return {
        ok: true,
        value: image,
        text: `Image ${image.id}: ${image.version} for ${image.families.join(", ")} in the ${image.release} release, ${image.sizeBytes} bytes, SHA-256 ${image.sha256}\n`,
      };
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
