/** The platforms for which a release ships compiled add-ons (`release.js`), each as a package below `prebuilt/`. */
export const targets = [
  { arch: "x64", libc: "glibc", compiler: "x86_64-linux-gnu-gcc" },
  { arch: "x64", libc: "musl", compiler: "musl-gcc" },
  { arch: "arm64", libc: "glibc", compiler: "aarch64-linux-gnu-gcc" },
  { arch: "arm64", libc: "musl", compiler: "aarch64-linux-musl-gcc" },
];

export const folderOf = ({ arch, libc }) => `linux-${arch}-${libc}`;
export const packageOf = (target) => `flexup-native-${folderOf(target)}`;

/**
 * The packages that may hold an add-on for this machine. The musl one comes first: it fails to load under glibc, while musl might load one
 * built for glibc. npm installs only the matching one.
 */
export const prebuiltPackages = (platform, arch) =>
  platform === "linux"
    ? targets
        .filter((target) => target.arch === arch)
        .sort((a, b) => b.libc.localeCompare(a.libc))
        .map(packageOf)
    : [];
