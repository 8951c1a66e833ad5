/** The machines for which a release brings compiled add-ons (`release.js`), each a package of its own below `prebuilt/`. */
export const targets = [
  { arch: "x64", libc: "glibc", compiler: "x86_64-linux-gnu-gcc" },
  { arch: "x64", libc: "musl", compiler: "musl-gcc" },
  { arch: "arm64", libc: "glibc", compiler: "aarch64-linux-gnu-gcc" },
  { arch: "arm64", libc: "musl", compiler: "aarch64-linux-musl-gcc" },
];

export const folderOf = ({ arch, libc }) => `linux-${arch}-${libc}`;
export const packageOf = (target) => `flexup-native-${folderOf(target)}`;

/**
 * The packages that can hold an add-on for a machine, the musl one first: it does not load beside glibc, while musl may load one that was
 * made for glibc. npm installs the one that fits.
 */
export const prebuiltPackages = (platform, arch) =>
  platform === "linux"
    ? targets
        .filter((target) => target.arch === arch)
        .sort((a, b) => b.libc.localeCompare(a.libc))
        .map(packageOf)
    : [];
