#!/usr/bin/env bash
# Finds or makes a Rust compiler that can build jobs, and prints its path: rust-wasm.sh CACHE_DIR
#
# Users need no more than `rustup target add wasm32-unknown-unknown`. Where rustup's server cannot be reached, a Debian mirror is
# enough: its compiler for web browsers and that compiler's library sources are unpacked into the cache, not installed, and the
# library is built from them once (two minutes of a processor). Cargo and the linker are rustup's.
set -euo pipefail

target=wasm32-unknown-unknown
[ $# = 1 ] || { echo "usage: rust-wasm.sh CACHE_DIR" >&2; exit 2; }
mkdir -p "$1"
cache=$(cd "$1" && pwd)

say() { echo "$*" >&2; }
fail() {
  say "rust-wasm.sh: $*"
  exit 1
}
has_target() { compgen -G "$("$1" --print target-libdir --target $target 2>/dev/null)/libstd-*" >/dev/null; }

if has_target rustc; then
  command -v rustc
  exit 0
fi

# One at a time: several processes may ask.
exec 9>"$cache/.lock"
flock 9
rustc=$cache/bin/rustc
if [ -x "$rustc" ] && has_target "$rustc"; then
  echo "$rustc"
  exit 0
fi

advice="run \`rustup target add $target\`"
if command -v rustup >/dev/null && timeout 60 rustup target add $target >&2 && has_target rustc; then
  command -v rustc
  exit 0
fi
for tool in apt-get dpkg-deb cargo; do
  command -v $tool >/dev/null || fail "the target $target is missing, and without $tool there is no other way to it: $advice"
done

say "getting Debian's compiler for $target (140 MB, once)"
rm -rf "$cache/new" && mkdir -p "$cache/new/debs"
libstd=$(apt-cache depends libstd-rust-web-dev 2>/dev/null | sed -n 's/^ *Depends: \(libstd-rust-web-[0-9.]*\)$/\1/p' | head -1)
if [ -z "$libstd" ] || ! apt-cache show libllvm22 >/dev/null 2>&1; then
  [ "$(id -u)" != 0 ] || apt-get update >&2
  libstd=$(apt-cache depends libstd-rust-web-dev | sed -n 's/^ *Depends: \(libstd-rust-web-[0-9.]*\)$/\1/p' | head -1)
fi
[ -n "$libstd" ] || fail "this Debian has no rustc-web (bookworm-security does): $advice"
llvm=$(apt-cache depends "$libstd" | sed -n 's/^ *Depends: \(libllvm[0-9]*\)$/\1/p' | head -1)
(cd "$cache/new/debs" && apt-get download rustc-web libstd-rust-web-dev rust-web-src "$libstd" "$llvm" >&2) ||
  fail "apt-get download of rustc-web failed: is the mirror reachable?"
for deb in "$cache"/new/debs/*.deb; do
  dpkg-deb -x "$deb" "$cache/new/root"
done
rm -rf "$cache/new/debs"

# The linkers, the one that makes components among them.
tools=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
[ -x "$tools/rust-lld" ] || fail "rust-lld is not in $tools: install Rust from https://rustup.rs"
rm -rf "${cache:?}/root" "${cache:?}/bin" && mv "$cache/new/root" "$cache/root" && mkdir -p "$cache/bin"
rustlib=$cache/root/usr/lib/rustlib
source=$(ls -d "$cache"/root/usr/src/rustc-*)
ln -sfn "$source" "$rustlib/src/rust"
# shellcheck disable=SC2010 # one folder, named after its platform
host=$(ls "$rustlib" | grep -- -linux-gnu)
mkdir -p "$rustlib/$host/bin" && ln -sfn "$tools"/* "$rustlib/$host/bin/"
cat >"$rustc" <<END
#!/bin/sh
LD_LIBRARY_PATH=$cache/root/usr/lib/$(uname -m)-linux-gnu\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH} exec $cache/root/usr/bin/rustc "\$@"
END
chmod +x "$rustc"

say "building the standard library for $target (a minute or two, once)"
work=$cache/new/std
mkdir -p "$work/src" && : >"$work/src/lib.rs"
printf '[package]\nname = "empty"\nedition = "2021"\n\n[workspace]\n' >"$work/Cargo.toml"
(cd "$work" && RUSTC_BOOTSTRAP=1 RUSTC=$rustc CARGO_TARGET_DIR=$work/target \
  cargo build -q --release -Zbuild-std=std,panic_abort --target $target >&2) || fail "the standard library does not build"
mkdir -p "$rustlib/$target/lib"
find "$work/target/$target/release/deps" \( -name '*.rlib' -o -name '*.rmeta' \) ! -name 'libempty-*' \
  -exec cp -t "$rustlib/$target/lib" {} +
rm -rf "$cache/new"
has_target "$rustc" || fail "the compiler does not find its library for $target"
echo "$rustc"
